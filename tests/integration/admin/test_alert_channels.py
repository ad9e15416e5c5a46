"""Alert channels by a person's hands: made, tried, given a new secret, and the log of deliveries."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone
from standardwebhooks import Webhook

from budgets import selectors, services
from budgets.domain.units import Amounts
from budgets.models import AlertChannel
from budgets.services.deliveries import deliver_due
from tests.integration.budgets.receiver import receiving, status
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db
NEW = {"name": "pager", "kind": "webhook", "address": "https://hooks.example.org/x", "least_percent": "0"}


@pytest.fixture(autouse=True)
def _here(settings):
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]


@pytest.fixture
def team():
    return make_team()


@pytest.fixture
def made(team):
    whose = {"organisation_id": team.organisation_id, "team_id": team.team_id, "actor": "test", "now": NOW}
    return services.create_channel(name="pager", kind="webhook", address="https://hooks.example.org/x", **whose)


def page(name: str, *args) -> str:
    return reverse(f"admin:budgets_{name}", args=args)


def act(client, name: str, pk):
    return client.post(reverse(f"admin:budgets_{name}", args=[pk]), {}, follow=True)


def test_a_new_webhook_shows_its_secret_once(root, team):
    answer = root.post(
        page("alertchannel_add"), {**NEW, "organisation": team.organisation_id, "is_active": "on"}, follow=True
    )
    channel = AlertChannel.objects.get()
    shown = [str(message) for message in answer.context["messages"]]
    secret = next(each for each in shown if "whsec_" in each)[-50:]
    again = root.get(page("alertchannel_change", channel.pk)).content.decode()

    assert len(shown) == 2
    assert Webhook(secret)
    assert "whsec_" not in again
    assert channel.sealed_secret not in again
    assert channel.history.get().history_user.username == "root"


def test_an_address_that_may_not_be_reached_is_refused_beside_its_field(root, team, made):
    private = {**NEW, "name": "other", "organisation": team.organisation_id, "address": "http://10.0.0.1/"}
    added = root.post(page("alertchannel_add"), private)
    changed = root.post(page("alertchannel_change", made.id), {**NEW, "address": "http://10.0.0.1/"})

    assert "private or reserved" in str(added.context["form"].errors["address"])
    assert "private or reserved" in str(changed.context["adminform"].form.errors["address"])
    assert selectors.get_channel(made.id).address == "https://hooks.example.org/x"
    assert AlertChannel.objects.count() == 1


def test_a_change_is_in_the_audit_log_with_who_and_why(root, made):
    form = {**NEW, "is_active": "on", "least_percent": "85", "alert_kinds": ["percent"], "change_reason": "too loud"}
    answer = root.post(page("alertchannel_change", made.id), form)
    seen, last = selectors.get_channel(made.id), AlertChannel.history.filter(id=made.id).first()
    log = root.get(reverse("audit_log")).content.decode()

    assert answer.status_code == 302
    assert (seen.least_percent, seen.alert_kinds) == (85, ("percent",))
    assert (last.history_user.username, last.history_change_reason) == ("root", "too loud")
    assert AlertChannel.history.filter(id=made.id).count() == 2
    assert "too loud" in log
    assert made.secret not in log


def test_the_test_button_says_what_came_of_it(root, made):
    with receiving(status(204)) as receiver:
        services.change_channel(channel_id=made.id, address=receiver.url, actor="test", now=NOW)
        good = act(root, "alertchannel_test", made.id).content.decode()
        receiver.answer = status(500)
        bad = act(root, "alertchannel_test", made.id).content.decode()
        told = Webhook(made.secret).verify(receiver.received[0].body, receiver.received[0].headers)

    assert "The test answered 204 after" in good
    assert "The test did not arrive: answered 500." in bad
    assert told["data"]["sent_by"] == "person root"
    assert "failed (answered 500)" in root.get(page("alertchannel_change", made.id)).content.decode()


def test_a_new_secret_is_shown_once_and_used(root, made):
    with receiving() as receiver:
        services.change_channel(channel_id=made.id, address=receiver.url, actor="test", now=NOW)
        answer = act(root, "alertchannel_new_secret", made.id)
        shown = next(str(each) for each in answer.context["messages"] if "whsec_" in str(each))
        services.send_test(channel_id=made.id, actor="test", now=timezone.now())
        Webhook(shown[shown.index("whsec_") :]).verify(receiver.received[0].body, receiver.received[0].headers)

    assert "whsec_" not in root.get(page("alertchannel_change", made.id)).content.decode()


def test_a_channel_is_removed_with_its_deliveries(root, made):
    services.send_test(channel_id=made.id, actor="test", now=NOW)
    act(root, "alertchannel_remove", made.id)

    assert not AlertChannel.objects.exists()
    assert AlertChannel.history.filter(id=made.id).first().history_user.username == "root"


@pytest.mark.parametrize("name", ["alertchannel_test", "alertchannel_new_secret", "alertchannel_remove"])
def test_auditors_look_and_change_nothing(member_of, made, name):
    auditor = member_of("auditors")

    assert auditor.get(page("alertchannel_change", made.id)).status_code == 200
    assert auditor.post(reverse(f"admin:budgets_{name}", args=[made.id]), {}).status_code == 403
    assert selectors.list_deliveries() == []
    assert AlertChannel.objects.count() == 1


def test_a_key_in_the_address_is_for_those_who_may_change_it(root, member_of, made):
    for key in ("hunter2", "hunter3"):
        address = f"https://hooks.example.org/{key}"
        services.change_channel(channel_id=made.id, address=address, actor="test", now=NOW)
    auditor = member_of("auditors")
    change, history = page("alertchannel_change", made.id), page("alertchannel_history", made.id)
    version = AlertChannel.history.filter(id=made.id).first().history_id
    seen = [
        auditor.get(address).content.decode()
        for address in (change, history, page("alertchannel_simple_history", made.id, version), reverse("audit_log"))
    ]

    assert "hunter3" in root.get(change).content.decode()
    assert ["hunter" in each for each in seen] == [False] * 4
    assert "https://hooks.example.org/…" in seen[0]
    assert seen[3].count("https://hooks.example.org/… (mark ") == 5  # made; changed twice, each before and after


def test_the_log_shows_each_try_and_lets_one_be_tried_again(root, team, made):
    with receiving(status(500)) as receiver:
        services.change_channel(channel_id=made.id, address=receiver.url, actor="test", now=NOW)
        services.place_hold(
            budget_id=make_budget(team, 1000, name="Flood desk"),
            amounts=Amounts(tokens=800, carbon_ug=0, micro_usd=0),
            reference="work:1",
            lease_expires_at=timezone.now(),
            actor="test",
            now=NOW,
        )
        began = timezone.now()
        deliver_due(now=began)
        (delivery,) = selectors.list_deliveries()
        log = root.get(page("alertdelivery_change", delivery.id)).content.decode()
        act(root, "alertdelivery_try_again", delivery.id)
        receiver.answer = status(200)
        deliver_due(now=timezone.now())

    assert "answered 500" in log
    assert "person root" not in log
    assert "person root" in root.get(page("alertdelivery_change", delivery.id)).content.decode()
    assert "percent of Flood desk" in root.get(page("alertdelivery_changelist")).content.decode()
    assert selectors.get_delivery(delivery.id).status == "delivered"
    alert = root.get(page("budgetalert_changelist")).content.decode()
    assert "75 %" in alert
    assert "800 tokens of 1,000 tokens" in alert
    assert "It has arrived." in act(root, "alertdelivery_try_again", delivery.id).content.decode()
