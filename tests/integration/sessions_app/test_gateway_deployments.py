"""Deployments as administrators make them and callers see them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from accounts.domain.scopes import ALL_SCOPES, Scope
from accounts.services.keys import create_api_key
from config.kernel.errors import Conflict, InvalidInput, Unavailable
from sessions_app.domain.gateway.breaker import Outcome
from sessions_app.domain.gateway.wire import Fault
from sessions_app.models import Deployment, GatewayCall
from sessions_app.services.gateway import health, registry
from sessions_app.services.gateway.deployments import change_deployment, create_deployment, remove_deployment
from sessions_app.services.gateway.reference import load_deployments
from sessions_app.services.gateway.secrets import renew_seals
from sessions_app.services.gateway.trying import try_deployment
from tests.integration.world import NOW, Team, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loaded_world")]
URL = "/api/v1/gateway/deployments/"
SECRET = "sk-very-secret-1234567890"
LLAMA: dict[str, Any] = {
    "provider": "openai",
    "base_url": "https://models.example.org/v1",
    "upstream_model": "meta/llama-70b",
    "served_name": "llama-70b",
    "aliases": ["big"],
    "model_class": "L",
    "region_id": "aws-eu-north-1",
    "context_window_tokens": 128_000,
    "max_output_tokens": 8_000,
}


def test_a_new_deployment_is_routed_to_with_its_secret_in_the_target_only() -> None:
    made = _make(secret=SECRET)

    known = registry.snapshot(NOW)
    (candidate,) = known.candidates("big")
    target = registry.target_of(candidate.deployment, known.terms, total_seconds=30)

    assert (target.secret, target.base_url, target.total_seconds) == (SECRET, "https://models.example.org/v1", 30)
    assert "llama-70b" in known.served_names()
    stored = Deployment.objects.get(pk=made)
    assert SECRET not in stored.sealed_secret
    assert SECRET not in repr((known, candidate, target, vars(stored), list(Deployment.history.values())))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "http://10.0.0.1/v1"),
        ("base_url", "http://169.254.169.254/latest"),
        ("base_url", "http://0x7f.1/"),
        ("base_url", "http://[::ffff:127.0.0.1]/"),
        ("base_url", "http://localhost:11434"),
        ("base_url", "https://me:pass@models.example.org/v1"),
        ("base_url", "https://models.example.org/v1?key=abc"),
        ("base_url", "ftp://models.example.org/"),
        ("base_url", ""),
        ("provider", "telepathy"),
        ("upstream_model", "two words"),
        ("served_name", "-x"),
        ("aliases", ["fine", "not fine"]),
        ("aliases", ["many"] + [f"n{number}" for number in range(20)]),
        ("model_class", "XXXL"),
        ("region_id", "moon-1"),
        ("context_window_tokens", 0),
        ("max_output_tokens", 128_001),
        ("input_micro_usd_per_million", -1),
        ("weight", 0.0),
        ("weight", float("nan")),
        ("tokeniser", "unheard-of"),
        ("serves_chat", False),
        ("secret_variable", "SECRET_KEY"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field_and_nothing_is_made(field: str, value: object) -> None:
    before = Deployment.objects.count()

    with pytest.raises(InvalidInput) as refusal:
        _make(**{field: value})

    assert refusal.value.field == field.removesuffix("_id")
    assert Deployment.objects.count() == before


def test_a_private_host_may_be_reached_where_the_installation_excepts_it(settings: Any) -> None:
    settings.UPSTREAM_PRIVATE_HOSTS = ["localhost"]

    _make(provider="local", base_url="http://localhost:11434/")

    assert Deployment.objects.get(name="llama").base_url == "http://localhost:11434"


def test_production_needs_https(settings: Any) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mode="production")

    with pytest.raises(InvalidInput) as refusal:
        _make(base_url="http://models.example.org/v1")

    assert refusal.value.field == "base_url"


def test_all_that_share_a_public_name_have_one_model_class_and_the_echo_shares_with_no_model() -> None:
    _make()

    with pytest.raises(InvalidInput) as other_class:
        _make(name="second", served_name="big", aliases=[], model_class="S")
    with pytest.raises(InvalidInput) as with_echo:
        _make(name="second", served_name="other", aliases=["auto"], model_class="S")

    assert (other_class.value.field, with_echo.value.field) == ("model_class", "aliases")
    assert not Deployment.objects.filter(name="second").exists()
    _make(name="second", served_name="big", aliases=[], region_id="aws-us-east-1")
    assert len(registry.snapshot(NOW).candidates("big")) == 2


def test_a_stored_secret_goes_to_no_other_host_than_it_was_entered_for() -> None:
    made = _make(secret=SECRET)

    with pytest.raises(InvalidInput) as refusal:
        _change(made, base_url="https://thief.example.org/v1")
    _change(made, base_url="https://models.example.org/v2")

    assert refusal.value.field == "secret"
    assert Deployment.objects.get(pk=made).base_url == "https://models.example.org/v2"
    change_deployment(
        deployment_id=made,
        values={"base_url": "https://other.example.org"},
        secret="another",
        actor="t",
        now=NOW,
    )
    assert _secret(made) == "another"


def test_a_call_that_was_planned_before_a_change_carries_no_new_secret_to_the_old_address() -> None:
    made = _make(secret=SECRET)
    known = registry.snapshot(NOW)
    planned = next(each.deployment for each in known.all if each.deployment.id == made)

    values = {"base_url": "https://elsewhere.example.org/v1"}
    change_deployment(deployment_id=made, values=values, secret="another", actor="t", now=NOW)
    assert _secret(made) == "another"

    with pytest.raises(Unavailable, match="address has changed"):
        registry.target_of(planned, known.terms)


def test_a_secret_of_the_environment_is_read_when_it_is_used_and_missing_ones_are_told(monkeypatch: Any) -> None:
    made = _make(secret_variable="UPSTREAM_KEY_LLAMA")
    assert _problem(made) == "The variable UPSTREAM_KEY_LLAMA is not set."

    with pytest.raises(Unavailable):
        _secret(made)

    monkeypatch.setenv("UPSTREAM_KEY_LLAMA", SECRET)
    registry.forget()
    assert (_problem(made), _secret(made)) == ("", SECRET)


def test_a_secret_whose_seal_is_broken_makes_a_deployment_unusable_until_it_is_entered_again(settings: Any) -> None:
    made = _make(secret=SECRET)
    settings.SECRET_KEY = "another-key-" * 5
    registry.forget()
    registry._kept.secrets.clear()
    assert "cannot be opened" in _problem(made)

    change_deployment(deployment_id=made, values={}, secret=SECRET, actor="t", now=NOW)
    registry.forget()
    assert (_problem(made), _secret(made)) == ("", SECRET)


def test_seals_are_renewed_under_the_present_key(settings: Any) -> None:
    made = _make(secret=SECRET)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-key-" * 5

    assert (renew_seals(), renew_seals()) == (1, 0)

    settings.SECRET_KEY_FALLBACKS = []
    registry.forget()
    registry._kept.secrets.clear()
    assert _secret(made) == SECRET


def test_a_provider_that_needs_a_secret_is_not_switched_on_without_one() -> None:
    with pytest.raises(InvalidInput) as refusal:
        _make(provider="anthropic")

    assert refusal.value.field == "secret"
    _make(provider="anthropic", is_active=False)


def test_one_that_calls_were_made_to_stays() -> None:
    made, team = _make(), make_team()
    call = GatewayCall.objects.create(
        team_id=team.team_id,
        actor="t",
        endpoint="chat",
        asked_model="big",
        deployment_id=made,
        status="running",
        lease_expires_at=NOW,
        created_at=NOW,
    )

    with pytest.raises(Conflict):
        remove_deployment(deployment_id=made, actor="t", now=NOW)
    assert Deployment.objects.filter(pk=made).exists()

    call.delete()
    remove_deployment(deployment_id=made, actor="person ada", now=NOW)
    assert not Deployment.objects.filter(pk=made).exists()
    assert Deployment.history.filter(name="llama", history_type="-").get().history_change_reason == "person ada"


def test_what_an_administrator_changed_or_removed_of_the_echo_stays_so() -> None:
    echo = Deployment.objects.get(name="echo-mumbai")
    remove_deployment(deployment_id=echo.pk, actor="t", now=NOW)
    changed = Deployment.objects.get(name="echo-virginia")
    _change(changed.pk, weight=3.0)

    assert load_deployments(now=NOW) == 0

    assert not Deployment.objects.filter(name="echo-mumbai").exists()
    assert Deployment.objects.get(name="echo-virginia").weight == 3.0


def test_the_test_button_makes_a_real_call_that_the_breaker_hears_of() -> None:
    echo = Deployment.objects.get(name="echo-stockholm")

    tried = try_deployment(deployment_id=echo.pk, now=NOW)

    assert tried.is_good
    assert "ok" in tried.words
    assert Deployment.objects.get(pk=echo.pk).health.last_success_at == NOW


def test_the_list_tells_grids_and_breakers_and_never_addresses_or_secrets() -> None:
    _make(secret=SECRET)
    team = make_team()

    body = team.client.get(URL).json()
    (llama,) = team.client.get(f"{URL}?model=big").json()["results"]
    echo = team.client.get(f"{URL}echo-stockholm/").json()

    assert {each["name"] for each in body["results"]} >= {"llama", "echo-stockholm", "echo-embedding-mumbai"}
    assert (llama["is_usable"], llama["input_usd_per_million"], llama["breaker"]["state"]) == (True, None, "closed")
    assert (echo["is_echo"], echo["input_usd_per_million"]) == (True, "0")
    assert echo["region"]["zone"] == "SE-SE3"
    assert echo["region"]["grams_per_1k_output"] > echo["region"]["grams_per_1k_input"] > 0
    assert SECRET not in str(body)
    assert "models.example.org" not in str(body)


def test_a_breaker_is_reset_by_a_key_that_may_and_by_no_other() -> None:
    echo, team = Deployment.objects.get(name="echo-stockholm"), make_team()
    failure = Outcome(deployment_id=echo.pk, fault=Fault.TIMEOUT, words="no answer")
    health.note_outcomes([failure] * 5, now=NOW)

    refused = team.client.post(f"{URL}echo-stockholm/reset/", {}, format="json")
    assert refused.status_code == 403
    assert Deployment.objects.get(pk=echo.pk).health.state == "open"

    answer = _operator(team).client.post(f"{URL}echo-stockholm/reset/", {}, format="json")
    events = team.client.get(f"{URL}echo-stockholm/breaker-events/").json()["results"]

    assert (answer.status_code, answer.json()["breaker"]["state"]) == (200, "closed")
    assert [each["became"] for each in events] == ["closed", "open"]


def test_what_is_not_there_is_not_found() -> None:
    client = _operator(make_team()).client

    for path in ("moon/", "moon/breaker-events/"):
        assert client.get(f"{URL}{path}").status_code == 404
    assert client.post(f"{URL}moon/reset/", {}, format="json").status_code == 404
    assert client.post(f"{URL}echo-stockholm/reset/", {"why": 1}, format="json").status_code == 422


def test_the_figures_turn_with_the_hour() -> None:
    at_first = registry.snapshot(NOW).candidates("echo")
    then = registry.snapshot(NOW + timedelta(hours=12)).candidates("echo")

    assert [each.region.intensity_g_per_kwh for each in at_first if each.region] != [
        each.region.intensity_g_per_kwh for each in then if each.region
    ]


def _make(name: str = "llama", secret: str = "", **changes: object) -> int:
    made = create_deployment(name=name, values={**LLAMA, **changes}, secret=secret, actor="t", now=NOW)
    registry.forget()  # as the commit does, which a test's transaction never reaches
    return made


def _change(deployment_id: int, **values: object) -> None:
    change_deployment(deployment_id=deployment_id, values=values, actor="t", now=NOW)
    registry.forget()


def _problem(deployment_id: int) -> str:
    found = next(each for each in registry.snapshot(NOW).all if each.deployment.id == deployment_id)
    return found.deployment.problem


def _secret(deployment_id: int) -> str:
    registry.forget()
    known = registry.snapshot(NOW)
    found = next(each for each in known.all if each.deployment.id == deployment_id)
    return registry.target_of(found.deployment, known.terms).secret


def _operator(team: Team) -> Team:
    scopes = [str(scope) for scope in (*ALL_SCOPES, Scope.CAPACITY_WRITE)]
    _, secret = create_api_key(team_id=team.team_id, name="operations", scopes=scopes)
    return replace(team, secret=secret)
