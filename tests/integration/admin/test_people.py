"""Who may become what, how logins are guarded, and what the history never holds."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from accounts.services.organisations import ensure_groups
from config.administration.audit import Question, list_changes

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def change(client, user, **changes):
    values = {
        "username": user.username,
        "is_active": "on",
        "memberships-TOTAL_FORMS": 0,
        "memberships-INITIAL_FORMS": 0,
    }
    return client.post(f"/admin/accounts/user/{user.pk}/change/", {**values, **changes})


def test_an_administrator_gives_roles_but_not_the_power_of_a_superuser(member_of):
    administrator = member_of("administrators")
    person = User.objects.create_user("ada")
    auditors = Group.objects.get(name="auditors")
    answer = change(administrator, person, is_staff="on", is_superuser="on", groups=[auditors.pk])
    assert answer.status_code == 302
    person.refresh_from_db()
    assert (person.is_staff, person.is_superuser) == (True, False)
    assert list(person.groups.all()) == [auditors]
    newest = list_changes(Question(model_label="accounts.user"), offset=0, limit=1)[0]
    assert newest.who == "of-administrators"
    assert [(field.field, field.before, field.after) for field in newest.fields] == [("groups", "", "auditors")]


def test_an_administrator_touches_no_superuser_and_no_group(member_of):
    administrator = member_of("administrators")
    root = User.objects.create_superuser("root", password=PASSWORD)
    assert change(administrator, root, username="taken").status_code == 403
    address = f"/admin/accounts/user/{root.pk}/password/"
    answer = administrator.post(
        address, {"password1": "x9x9x9x9x9", "password2": "x9x9x9x9x9", "usable_password": "true"}
    )
    assert answer.status_code == 403
    root.refresh_from_db()
    assert root.username == "root"
    assert root.check_password(PASSWORD)
    group = Group.objects.get(name="auditors")
    before = set(group.permissions.all())
    assert administrator.post(f"/admin/auth/group/{group.pk}/change/", {"name": "all"}).status_code == 403
    assert set(group.permissions.all()) == before


def test_operators_run_and_do_not_rule(member_of):
    operator = member_of("operators")
    for allowed in ("market/allocationrun/run_now/", "accounts/apikey/add/", "climate/emergency/add/"):
        assert operator.get(f"/admin/{allowed}").status_code == 200
    for refused in ("market/policy/add/", "accounts/user/add/", "climate/country/import/", "market/fund/deposit/"):
        assert operator.get(f"/admin/{refused}").status_code == 403


def test_groups_are_brought_up_to_date_and_not_doubled(db):
    ensure_groups()
    Group.objects.get(name="auditors").permissions.clear()
    ensure_groups()
    names = Group.objects.values_list("name", flat=True)
    assert sorted(names) == ["administrators", "auditors", "operators"]
    auditing = Group.objects.get(name="auditors").permissions.values_list("codename", flat=True)
    assert "view_audit_log" in auditing
    assert all(codename.startswith("view_") for codename in auditing)


def test_the_standard_groups_are_kept_by_the_program_and_others_by_superusers(root):
    ensure_groups()
    group = Group.objects.get(name="auditors")
    assert root.post(f"/admin/auth/group/{group.pk}/change/", {"name": "all"}).status_code == 403
    assert root.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 403
    root.post("/admin/auth/group/add/", {"name": "press"})
    own = Group.objects.get(name="press")
    root.post(f"/admin/auth/group/{own.pk}/delete/", {"post": "yes"})
    assert sorted(Group.objects.values_list("name", flat=True)) == ["administrators", "auditors", "operators"]


def test_the_history_of_a_person_holds_no_password_and_no_login(root):
    user = User.objects.get(username="root")
    user.set_password("another good phrase")
    user.save()
    root.force_login(user)
    rows = list(User.history.values())
    assert rows
    assert not any("password" in row or user.password in str(row) for row in rows)
    assert User.history.count() == 2, "created, and saved with another password; the logins are not changes"


def test_ten_wrong_passwords_lock_the_name_out_with_a_readable_page(db, settings):
    User.objects.create_superuser("root", password=PASSWORD)
    client = Client()
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        assert client.post("/admin/login/", {"username": "root", "password": "wrong"}).status_code == 200
    locked = client.post("/admin/login/", {"username": "root", "password": "wrong"})
    assert locked.status_code == 429
    assert "<h1" in locked.content.decode()
    right = client.post("/admin/login/", {"username": "root", "password": PASSWORD})
    assert right.status_code == 429, "even the right password waits"
    assert "_auth_user_id" not in client.session
    other = Client(REMOTE_ADDR="10.0.0.9").post("/admin/login/", {"username": "root", "password": PASSWORD})
    assert other.status_code == 302, "nobody is locked out by a stranger elsewhere"


def test_the_lock_out_counts_at_the_login_of_the_site_too(db, settings):
    User.objects.create_user("ada", password=PASSWORD)
    client = Client()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        last = client.post("/login/", {"username": "ada", "password": "wrong"})
    assert last.status_code == 429


def test_the_login_of_the_administration_leads_to_the_administration(db):
    User.objects.create_superuser("root", password=PASSWORD)
    client = Client()
    page = client.get("/admin/login/").content.decode()
    assert '<input type="hidden" name="next" value="/admin/" form="login-form">' in page
    answer = client.post("/admin/login/", {"username": "root", "password": PASSWORD, "next": "/admin/"})
    assert answer["Location"] == "/admin/"
