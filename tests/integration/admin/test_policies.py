"""Policies through the administration: versions are added and switched, never changed."""

import pytest
from django.urls import reverse
from django.utils import timezone

from config.administration.audit import Question, list_changes
from config.administration.text import flat
from market.admin.policy_form import TERMS, NewPolicyForm, VersionForm
from market.domain.policy import UNSAID_ALLOCATION
from market.models import Policy
from market.services import load_reference

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy(db):
    load_reference(now=timezone.now())
    return Policy.objects.get(name="default")


def filled(policy, **changes):
    """What a browser sends of the form that starts from a policy."""
    start = VersionForm(start=policy.body).initial
    return {**{name: sent(value) for name, value in start.items()}, **changes}


def sent(value):
    return value if isinstance(value, list) else "" if value is None else str(value)


def address(policy, action):
    return reverse(f"admin:market_policy_{action}", args=[policy.pk])


def test_a_new_version_is_made_by_its_author_audited_and_not_yet_in_use(root, policy):
    body = {**policy.body, "carbon_usd_per_t": "230"}
    form = filled(policy, carbon_usd_per_t="230", rationale="The social cost rose.")
    page = root.post(address(policy, "new_version"), form, follow=True)
    assert "A new version of default was created" in page.content.decode()
    made = Policy.objects.get(name="default", version=2)
    assert (made.body, made.author.username, made.is_current) == (body, "root", False)
    change = list_changes(Question(model_label="market.policy"), offset=0, limit=1)[0]
    assert (change.who, change.kind, change.object_name) == ("root", "created", "default · 2")
    assert any(field.field == "rationale" and field.after == "The social cost rose." for field in change.fields)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"carbon_usd_per_t": "much"}, "carbon_usd_per_t", "Enter a number."),
        ({"carbon_usd_per_t": ""}, "carbon_usd_per_t", "This field is required."),
        ({"carbon_usd_per_t": "-1"}, "carbon_usd_per_t", "This is not a number from zero up."),
        ({"scarcity.from_utilisation": "1.5"}, "scarcity.from_utilisation", "This is not between 0 and 1."),
        ({"justice.phi": ""}, "justice.phi", "This is missing."),
        ({"justice.kind": "fixed"}, "justice.discount", "This is missing."),
        ({"latency_km.regional": "0"}, "latency_km.regional", "This is not between 1 and 40000."),
        ({"allocation.floor_share.public": "2"}, "allocation.floor_share.public", "This is not between 0 and 1."),
        ({"rationale": ""}, "rationale", "This field is required."),
        ({"rationale": "   "}, "rationale", "This field is required."),
    ],
)
def test_a_version_that_cannot_be_meant_is_refused_beside_its_field(root, policy, changes, field, words):
    before = Policy.objects.count()
    page = root.post(address(policy, "new_version"), filled(policy, **{"rationale": "why", **changes}))
    assert page.status_code == 200
    assert page.context["form"].errors == {field: [words]}
    assert words in page.content.decode()
    assert Policy.objects.count() == before


@pytest.mark.parametrize("name", ["default", "seed-2025"])
def test_a_form_sent_as_it_was_makes_the_same_terms_to_the_letter(root, policy, name):
    start = Policy.objects.get(name=name)
    root.post(address(start, "new_version"), filled(start, rationale="again"))
    assert sorted(flat(Policy.objects.get(name=name, version=2).body)) == sorted(flat(start.body))


def test_the_form_has_a_field_for_every_term_of_the_shipped_policies_and_no_other(policy):
    leaves = {key for each in Policy.objects.all() for key, _ in flat(each.body)}
    assert {term.key for term in TERMS} == leaves
    assert len(TERMS) == len(leaves)


def test_another_kind_of_justice_takes_its_own_terms_and_empty_is_no_bound(root, policy):
    changes = {"justice.kind": "fixed", "justice.discount": "0.3", "justice.premium": "0.2", "latency_km.regional": ""}
    root.post(address(policy, "new_version"), filled(policy, rationale="simpler", **changes))
    body = Policy.objects.get(name="default", version=2).body
    assert body["justice"] == {"kind": "fixed", "discount": "0.3", "premium": "0.2"}
    assert body["latency_km"]["regional"] is None


def test_nobody_gives_way_where_nothing_is_chosen(root, policy):
    changes = {"allocation.gives_way_tiers": [], "allocation.carbon_budget_g_per_day": "250000.5"}
    root.post(address(policy, "new_version"), filled(policy, rationale="softer", **changes))
    allocation = Policy.objects.get(name="default", version=2).body["allocation"]
    assert (allocation["gives_way_tiers"], allocation["carbon_budget_g_per_day"]) == ([], 250000.5)


def test_the_form_starts_from_what_a_version_without_plans_means(policy):
    old = {name: terms for name, terms in policy.body.items() if name != "allocation"}
    form = VersionForm(filled(policy, rationale="the same") | before_plans(old), start=old)
    assert form.is_valid(), form.errors
    assert form.body() == {**old, "allocation": UNSAID_ALLOCATION}


def before_plans(body):
    initial = VersionForm(start=body).initial
    return {name: sent(value) for name, value in initial.items() if name.startswith("allocation.")}


def test_the_page_shows_the_terms_it_starts_from_field_by_field_and_as_json(root, policy):
    page = root.get(address(policy, "new_version"))
    assert page.context["form"]["carbon_usd_per_t"].value() == "210"
    text = page.content.decode()
    assert "US$ for a tonne CO₂e." in text
    assert "&quot;carbon_usd_per_t&quot;: &quot;210&quot;" in text
    assert 'name="body"' not in text


def test_a_version_cannot_be_changed(root, policy):
    form = {"name": "default", "version": 1, "body": "{}", "rationale": "changed"}
    assert root.post(address(policy, "change"), form).status_code == 403
    assert root.post(address(policy, "delete"), {"post": "yes"}).status_code == 403
    same = Policy.objects.get(pk=policy.pk)
    assert (same.body, same.rationale) == (policy.body, policy.rationale)


def test_a_version_becomes_current_only_by_a_post_and_the_page_shows_what_differs(root, policy):
    form = filled(policy, carbon_usd_per_t="230", rationale="The social cost rose.")
    root.post(address(policy, "new_version"), form)
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
    assert isinstance(root.get("/admin/market/policy/add/").context["form"], NewPolicyForm)
    root.post("/admin/market/policy/add/", filled(policy, name="winter", rationale="For the winter."))
    made = Policy.objects.get(name="winter")
    assert (made.version, made.body) == (1, policy.body)
