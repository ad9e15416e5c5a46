"""Policies through the administration: versions are added and switched, never changed."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from config.administration.audit import Question, list_changes
from market.models import Policy
from market.services import load_reference

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy(db):
    load_reference(now=timezone.now())
    return Policy.objects.get(name="default")


def address(policy, action):
    return reverse(f"admin:market_policy_{action}", args=[policy.pk])


def test_a_new_version_is_made_by_its_author_audited_and_not_yet_in_use(root, policy):
    body = {**policy.body, "carbon_usd_per_t": "230"}
    form = {"body": json.dumps(body), "rationale": "The social cost rose."}
    page = root.post(address(policy, "new_version"), form, follow=True)
    assert "A new version of default was created" in page.content.decode()
    made = Policy.objects.get(name="default", version=2)
    assert (made.body, made.author.username, made.is_current) == (body, "root", False)
    change = list_changes(Question(model_label="market.policy"), offset=0, limit=1)[0]
    assert (change.who, change.kind, change.object_name) == ("root", "created", "default · 2")
    assert any(field.field == "rationale" and field.after == "The social cost rose." for field in change.fields)


@pytest.mark.parametrize(
    ("body", "rationale", "words"),
    [
        ("{", "why", "Enter a valid JSON"),
        ('{"carbon_usd_per_t": "230"}', "why", "rate_usd_per_1k_tokens"),
        (None, "", "This field is required"),
        (None, "   ", "This field is required"),
    ],
)
def test_a_version_that_cannot_be_meant_is_refused_beside_its_field(root, policy, body, rationale, words):
    before = Policy.objects.count()
    form = {"body": json.dumps(policy.body) if body is None else body, "rationale": rationale}
    page = root.post(address(policy, "new_version"), form)
    assert page.status_code == 200
    assert words in page.content.decode()
    assert Policy.objects.count() == before


def test_the_form_starts_from_the_terms_of_the_version(root, policy):
    form = root.get(address(policy, "new_version")).context["form"]
    assert json.loads(form["body"].value()) == policy.body


def test_a_version_cannot_be_changed(root, policy):
    form = {"name": "default", "version": 1, "body": "{}", "rationale": "changed"}
    assert root.post(address(policy, "change"), form).status_code == 403
    assert root.post(address(policy, "delete"), {"post": "yes"}).status_code == 403
    same = Policy.objects.get(pk=policy.pk)
    assert (same.body, same.rationale) == (policy.body, policy.rationale)


def test_a_version_becomes_current_only_by_a_post_and_the_page_shows_what_differs(root, policy):
    body = {**policy.body, "carbon_usd_per_t": "230"}
    root.post(address(policy, "new_version"), {"body": json.dumps(body), "rationale": "The social cost rose."})
    second = Policy.objects.get(version=2)
    page = root.get(address(second, "change")).content.decode()
    assert "<strong>carbon_usd_per_t</strong>" in page
    root.get(address(second, "make_current"))
    assert not Policy.objects.get(pk=second.pk).is_current
    root.post(address(second, "make_current"))
    assert Policy.objects.get(name="default", is_current=True) == second
    change = list_changes(Question(model_label="market.policy", kind="~"), offset=0, limit=5)
    assert any(
        (each.object_name, each.who) == ("default · 2", "root")
        and any((field.field, field.before, field.after) == ("is current", "no", "yes") for field in each.fields)
        for each in change
    )


def test_another_policy_becomes_the_default(root, policy):
    seed = Policy.objects.get(name="seed-2025")
    root.post(address(seed, "make_default"))
    assert Policy.objects.get(is_default=True) == seed


def test_a_policy_under_a_new_name_is_added(root, policy):
    form = {"name": "winter", "body": json.dumps(policy.body), "rationale": "For the winter."}
    root.post("/admin/market/policy/add/", form)
    assert Policy.objects.get(name="winter").version == 1
