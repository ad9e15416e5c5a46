"""Deployments and gateway policies by a person's hands."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from config.server.reference import load_reference
from sessions_app.admin.gateway.policies import GatewayVersionForm
from sessions_app.admin.policy_form import VersionForm
from sessions_app.models import Deployment, GatewayPolicy, SessionPolicy
from sessions_app.services.gateway import registry
from sessions_app.services.gateway.policies import create_gateway_policy_version
from sessions_app.services.gateway.secrets import secret_of

pytestmark = pytest.mark.django_db
SECRET = "sk-very-secret-1234567890"
NEW = {
    "name": "llama",
    "provider": "openai",
    "base_url": "https://models.example.org/v1",
    "upstream_model": "meta/llama-70b",
    "served_name": "llama-70b",
    "aliases": "big\nbigger",
    "model_class": "L",
    "region": "aws-eu-north-1",
    "context_window_tokens": "128000",
    "max_output_tokens": "8000",
    "input_micro_usd_per_million": "600000",
    "serves_chat": "on",
    "takes_tools": "on",
    "tokeniser": "llama3",
    "weight": "1",
    "is_active": "on",
    "secret": SECRET,
}


@pytest.fixture(autouse=True)
def _reference():
    load_reference(now=timezone.now())
    registry.forget()
    yield
    registry.forget()


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:sessions_app_{name}", args=args)


def made(root: Any) -> Deployment:
    answer = root.post(page("deployment_add"), NEW)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    registry.forget()
    return Deployment.objects.get(name="llama")


def test_a_deployment_is_made_with_a_secret_that_no_page_shows_again(root):
    deployment = made(root)
    shown = root.get(page("deployment_change", deployment.pk)).content.decode()
    history = root.get(page("deployment_history", deployment.pk)).content.decode()
    log = root.get(reverse("audit_log")).content.decode()

    assert (deployment.aliases, secret_of(deployment).text) == (["big", "bigger"], SECRET)
    assert "Stored here, sealed." in shown
    assert "g CO2e/kWh in SE-SE3" in shown
    for text in (shown, history, log):
        assert SECRET not in text
        assert deployment.sealed_secret not in text
    assert deployment.history.get().history_user.username == "root"


def test_a_refusal_stands_beside_its_field_and_changes_nothing(root):
    deployment = made(root)
    form = {**NEW, "secret": "", "base_url": "http://10.0.0.1/"}
    private = root.post(page("deployment_change", deployment.pk), form)
    closed = root.post(page("deployment_change", deployment.pk), {**form, "base_url": "http://169.254.169.254/"})
    stolen = root.post(page("deployment_change", deployment.pk), {**form, "base_url": "https://thief.example.org"})
    taken = root.post(page("deployment_add"), {**NEW, "served_name": "echo", "aliases": ""})

    assert "private or reserved" in str(private.context["adminform"].form.errors["base_url"])
    assert "open to no deployment" in str(closed.context["adminform"].form.errors["base_url"])
    assert "enter the secret again" in str(stolen.context["adminform"].form.errors["secret"])
    assert set(taken.context["adminform"].form.errors) == {"name"}
    assert Deployment.objects.get(pk=deployment.pk).base_url == "https://models.example.org/v1"


def test_a_change_is_kept_with_who_and_why_and_the_secret_stays(root):
    deployment = made(root)
    form = {**NEW, "secret": "", "weight": "2.5", "aliases": "", "change_reason": "more of it"}

    answer = root.post(page("deployment_change", deployment.pk), form)
    changed, last = Deployment.objects.get(pk=deployment.pk), deployment.history.first()

    assert answer.status_code == 302
    assert (changed.weight, changed.aliases, secret_of(changed).text) == (2.5, [], SECRET)
    assert (last.history_user.username, last.history_change_reason) == ("root", "more of it")


def test_the_test_button_says_what_came_of_it(root):
    echo = Deployment.objects.get(name="echo-stockholm")

    answer = root.post(page("deployment_test", echo.pk), {}, follow=True)

    assert "It answered with" in str(next(iter(answer.context["messages"])))


def test_an_auditor_sees_a_deployment_and_can_neither_test_nor_reset_it(member_of):
    auditor, echo = member_of("auditors"), Deployment.objects.get(name="echo-stockholm")

    assert auditor.get(page("deployment_change", echo.pk)).status_code == 200
    for name in ("deployment_test", "deployment_reset", "deployment_remove"):
        assert auditor.post(page(name, echo.pk), {}).status_code in (302, 403)
    assert not hasattr(Deployment.objects.get(pk=echo.pk), "health")


def test_a_deployment_is_removed_with_a_reason(root):
    deployment = made(root)

    root.post(page("deployment_remove", deployment.pk), {"reason": "retired"})

    assert not Deployment.objects.filter(pk=deployment.pk).exists()
    assert Deployment.history.filter(name="llama").first().history_change_reason == "retired"


def test_a_gateway_policy_has_a_field_for_each_term_and_comes_back_as_it_was(root):
    policy = GatewayPolicy.objects.get(name="default")
    url = page("gatewaypolicy_new_version", policy.pk)
    form = GatewayVersionForm(start=policy.body)
    given = {name: field.initial for name, field in form.fields.items()} | form.initial
    changed = {**given, "routing.carbon_percent": "70", "routing.price_percent": "30", "rationale": "cheaper"}

    refused = root.post(url, {**changed, "routing.price_percent": "20"})
    root.post(url, {**given, "rationale": "the same"})
    root.post(url, changed)
    same, other = GatewayPolicy.objects.filter(version__gt=1).order_by("version")

    assert "does not sum to 100" in str(refused.context["form"].errors)
    assert same.body == policy.body
    assert (other.body["routing"]["carbon_percent"], other.body["routing"]["price_percent"]) == (70, 30)


def test_the_form_of_a_version_from_before_a_term_shows_what_it_means_and_says_it_from_then_on(root):
    policy = GatewayPolicy.objects.get(name="default")
    newer = {"attempt_share_percent", "attempt_least_seconds", "attempt_tokens_per_second"}
    older = {**policy.body, "calls": {name: each for name, each in policy.body["calls"].items() if name not in newer}}
    older["triage"] = {name: each for name, each in older["triage"].items() if name not in {"full", "lessons"}}
    made = create_gateway_policy_version(name="older", body=older, rationale="old", author_id=None, now=timezone.now())

    given = GatewayVersionForm(start=older).initial
    root.post(page("gatewaypolicy_new_version", made), {**given, "rationale": "the same, said"})

    assert given["calls.attempt_share_percent"] == 50
    assert GatewayPolicy.objects.get(name="older", version=2).body == policy.body


def test_a_session_policy_comes_back_from_its_form_as_it_was():
    policy = SessionPolicy.objects.get(name="default")
    form = VersionForm({**VersionForm(start=policy.body).initial, "rationale": "the same"}, start=policy.body)

    assert form.is_valid(), form.errors
    assert form.body() == policy.body
