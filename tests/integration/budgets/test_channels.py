"""Channels: made, changed, tried, with a secret that is shown once, and refused by the field at fault."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from standardwebhooks import Webhook

from budgets import selectors, services
from budgets.models import AlertChannel, AlertDelivery
from budgets.services.channels import renew_seals
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.sealing import unseal
from tests.integration.budgets.receiver import receiving, status
from tests.integration.world import NOW, Team, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _here(settings):
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]


def make(team: Team, **changes):
    values = {
        "name": "pager",
        "organisation_id": team.organisation_id,
        "team_id": team.team_id,
        "kind": "webhook",
        "address": "https://hooks.example.org/budgets",
        "actor": "key cw_12345678",
        "now": NOW,
    }
    return services.create_channel(**{**values, **changes})


def test_a_webhook_gets_a_secret_that_is_stored_sealed():
    made = make(make_team())
    row = AlertChannel.objects.get(pk=made.id)

    assert made.secret.startswith("whsec_")
    assert made.secret not in row.sealed_secret
    assert unseal(row.sealed_secret, purpose="secrets of webhooks") == made.secret
    assert row.history.get().history_change_reason == "key cw_12345678"


def test_e_mail_needs_no_secret():
    made = make(make_team(), kind="email", address=" ada@example.org,grace@example.org ,")

    assert made.secret is None
    assert selectors.get_channel(made.id).address == "ada@example.org, grace@example.org"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"alert_kinds": ["percent", "weather"]}, "alert_kinds"),
        ({"least_percent": 101}, "least_percent"),
        ({"address": "hooks.example.org"}, "address"),
        ({"address": "https://user:pass@hooks.example.org/"}, "address"),
        ({"address": "http://169.254.169.254/latest/meta-data/"}, "address"),
        ({"address": "http://10.0.0.1/"}, "address"),
        ({"kind": "email", "address": "nobody"}, "address"),
        ({"kind": "email", "address": "ada@example.org\nBcc: all@example.org"}, "address"),
        ({"kind": "email", "address": ""}, "address"),
        ({"kind": "email", "address": ", ".join(f"a{index}@example.org" for index in range(21))}, "address"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(changes, field):
    with pytest.raises(InvalidInput) as refused:
        make(make_team(), **changes)

    assert refused.value.field == field
    assert not AlertChannel.objects.exists()


def test_a_team_of_another_organisation_is_refused():
    team, other = make_team(), make_team("Other")
    with pytest.raises(InvalidInput) as refused:
        make(team, team_id=other.team_id)

    assert refused.value.field == "team"


def test_a_name_is_taken_once_in_an_organisation():
    team, other = make_team(), make_team("Other")
    make(team)
    make(other)
    with pytest.raises(InvalidInput) as refused:
        make(team)

    assert refused.value.field == "name"
    assert AlertChannel.objects.count() == 2


def test_a_team_and_an_organisation_for_itself_have_20_channels_each():
    team = make_team()
    for index in range(20):
        make(team, name=f"team {index}", kind="email", address="ada@example.org")
    with pytest.raises(Conflict) as refused:
        make(team, kind="email", address="ada@example.org")
    make(team, team_id=None, kind="email", address="ada@example.org")

    assert refused.value.code == "too_many_channels"
    assert AlertChannel.objects.count() == 21


def test_a_channel_is_tested_20_times_an_hour():
    made = make(make_team(), kind="email", address="ada@example.org")
    for _ in range(20):
        services.send_test(channel_id=made.id, actor="test", now=NOW)
    with pytest.raises(Conflict) as refused:
        services.send_test(channel_id=made.id, actor="test", now=NOW + timedelta(minutes=59))

    assert refused.value.code == "too_many_tests"
    assert len(mail.outbox) == 20
    assert services.send_test(channel_id=made.id, actor="test", now=NOW + timedelta(hours=1)).status == "delivered"


def test_http_is_refused_in_production(settings, monkeypatch):
    monkeypatch.setattr("budgets.services.channels.webhook_rules", lambda: rules)
    from budgets.connectors.webhooks import Rules

    rules = Rules(must_be_https=True)
    with pytest.raises(InvalidInput, match="Begin with https://"):
        make(make_team(), address="http://hooks.example.org/")


def test_a_change_is_kept_with_its_reason_and_what_is_not_named_stays():
    made = make(make_team())
    services.change_channel(
        channel_id=made.id, least_percent=85, alert_kinds=["percent"], actor="person ada", reason="too loud", now=NOW
    )
    seen = selectors.get_channel(made.id)

    assert (seen.least_percent, seen.alert_kinds, seen.name) == (85, ("percent",), "pager")
    assert AlertChannel.history.filter(id=made.id).first().history_change_reason == "too loud"


def test_a_change_that_is_refused_changes_nothing():
    made = make(make_team())
    with pytest.raises(InvalidInput) as refused:
        services.change_channel(channel_id=made.id, name="other", address="nonsense", actor="test", now=NOW)
    with pytest.raises(InvalidInput):
        services.change_channel(channel_id=made.id, sealed_secret="mine", actor="test", now=NOW)
    with pytest.raises(NotFound):
        services.change_channel(channel_id=made.id + 1, name="other", actor="test", now=NOW)

    assert refused.value.field == "address"
    assert (selectors.get_channel(made.id).name, AlertChannel.history.count()) == ("pager", 1)


def test_what_waits_for_a_channel_that_is_switched_off_has_failed():
    made = make(make_team())
    AlertDelivery.objects.create(channel_id=made.id, payload={"type": "test"}, next_attempt_at=NOW, created_at=NOW)
    services.change_channel(channel_id=made.id, is_active=False, actor="test", now=NOW)
    seen = selectors.get_channel(made.id)
    (delivery,) = selectors.list_deliveries(channel_id=made.id)

    assert (seen.state, seen.waiting, seen.failed) == ("off", 0, 1)
    with pytest.raises(Conflict, match="switched off"):
        services.retry_delivery(delivery_id=delivery.id, actor="test", now=NOW)


def test_a_new_secret_replaces_the_old_one_and_is_in_the_history():
    made = make(make_team())
    with receiving() as receiver:
        services.change_channel(channel_id=made.id, address=receiver.url, actor="test", now=NOW)
        secret = services.rotate_secret(channel_id=made.id, actor="person ada", now=NOW)
        services.send_test(channel_id=made.id, actor="person ada", now=timezone.now())
        Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)

    assert secret != made.secret
    assert AlertChannel.history.filter(id=made.id).first().history_change_reason == "person ada: a new secret"


def test_e_mail_has_no_secret_to_replace():
    made = make(make_team(), kind="email", address="ada@example.org")
    with pytest.raises(Conflict):
        services.rotate_secret(channel_id=made.id, actor="test", now=NOW)


def test_a_test_says_what_came_of_it_and_is_not_repeated():
    team = make_team()
    with receiving(status(500)) as receiver:
        made = make(team, address=receiver.url)
        failed = services.send_test(channel_id=made.id, actor="person ada", now=timezone.now())
        receiver.answer = status(204)
        arrived = services.send_test(channel_id=made.id, actor="person ada", now=timezone.now())
        told = Webhook(made.secret).verify(receiver.received[1].body, receiver.received[1].headers)

    assert (failed.status, failed.attempts[0].status_code, failed.attempts[0].error) == ("failed", 500, "answered 500")
    assert (arrived.status, arrived.attempts[0].status_code, arrived.alert_id) == ("delivered", 204, None)
    assert (told["type"], told["data"]["sent_by"]) == ("test", "person ada")
    assert failed.id != arrived.id


def test_a_test_by_e_mail_is_a_mail():
    made = make(make_team(), kind="email", address="ada@example.org")
    done = services.send_test(channel_id=made.id, actor="person ada", now=NOW)

    assert done.status == "delivered"
    assert mail.outbox[0].subject == "Commonwatt: a test of the channel pager"
    assert str(done.id) in mail.outbox[0].extra_headers["Message-ID"]


def test_a_caller_sees_the_channels_of_its_teams_and_of_its_organisation():
    team, other = make_team(), make_team("Other")
    own = make(team)
    whole = make(team, name="whole", team_id=None)
    make(other)

    assert [each.id for each in selectors.list_channels(team_ids=frozenset({team.team_id}))] == [own.id]
    both = selectors.list_channels(team_ids=frozenset({team.team_id}), organisation_id=team.organisation_id)
    assert [each.id for each in both] == [own.id, whole.id]
    assert len(selectors.list_channels(team_ids=None)) == 3


def test_secrets_are_sealed_with_the_present_key_so_that_an_earlier_one_may_go(settings):
    made = make(make_team())
    make(make_team("Mail"), kind="email", address="ada@example.org")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a new key " * 5
    assert (renew_seals(), renew_seals()) == (1, 0)
    settings.SECRET_KEY_FALLBACKS = []

    assert selectors.get_channel(made.id).state == "active"
    settings.SECRET_KEY = "a third key " * 5
    assert selectors.get_channel(made.id).state == "secret_lost"
    assert renew_seals() == 0


def test_a_channel_that_was_removed_is_in_the_history():
    made = make(make_team())
    services.remove_channel(channel_id=made.id, actor="person ada", now=NOW)

    assert AlertChannel.history.filter(id=made.id).first().history_change_reason == "person ada"
    with pytest.raises(NotFound):
        selectors.get_channel(made.id)


def test_lists_ask_the_database_as_often_however_long_they_are(django_assert_max_num_queries):
    team = make_team()
    for index in range(12):
        made = make(team, name=f"pager {index}", kind="email", address="ada@example.org")
        services.send_test(channel_id=made.id, actor="test", now=NOW)

    with django_assert_max_num_queries(3):
        assert len(selectors.list_channels(team_ids=None)) == 12
    with django_assert_max_num_queries(2):
        assert len(selectors.list_deliveries()) == 12
