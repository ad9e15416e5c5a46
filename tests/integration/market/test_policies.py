from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from config.kernel.errors import InvalidInput, NotFound
from market.models import Policy, Purpose
from market.selectors import get_policy_in_force
from market.services import activate_policy, create_policy_version, load_reference
from tests.integration.world import NOW
from tests.unit.market.examples import body

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shipped(db):
    load_reference(now=NOW)


def make_version(name="default", **changes) -> int:
    terms = {**body(), **changes}
    return create_policy_version(name=name, body=terms, rationale="because", author_id=None, now=NOW)


def test_a_new_version_is_not_in_force_until_activated():
    policy_id = make_version(carbon_usd_per_t="300")
    assert get_policy_in_force().version == 1
    activate_policy(policy_id=policy_id, now=NOW, actor="test")
    in_force = get_policy_in_force()
    assert (in_force.version, in_force.terms.carbon_usd_per_t) == (2, 300)
    assert Policy.objects.filter(is_default=True).count() == 1


def test_another_policy_can_be_made_the_default():
    seed = Policy.objects.get(name="seed-2025")
    activate_policy(policy_id=seed.pk, now=NOW, actor="test", make_default=True)
    assert get_policy_in_force().name == "seed-2025"
    assert get_policy_in_force("default").version == 1


def test_a_version_is_never_changed():
    policy = Policy.objects.get(name="default")
    policy.body = {**policy.body, "carbon_usd_per_t": "0"}
    with pytest.raises(ValidationError):
        policy.save()
    assert get_policy_in_force().terms.carbon_usd_per_t == 210


def test_terms_that_cannot_be_meant_are_refused_by_name():
    with pytest.raises(InvalidInput) as refused:
        make_version(carbon_usd_per_t="-3")
    assert refused.value.field == "body.carbon_usd_per_t"
    with pytest.raises(InvalidInput) as unexplained:
        create_policy_version(name="default", body=body(), rationale=" ", author_id=None, now=NOW)
    assert unexplained.value.field == "rationale"
    assert Policy.objects.filter(name="default").count() == 1


def test_who_activated_a_version_is_kept():
    policy_id = make_version()
    activate_policy(policy_id=policy_id, now=NOW, actor="person ada")
    assert "person ada" in Policy.objects.get(pk=policy_id).history.first().history_change_reason


def test_an_unknown_policy_or_version_is_refused():
    with pytest.raises(InvalidInput):
        get_policy_in_force("anarchy")
    with pytest.raises(NotFound):
        activate_policy(policy_id=999, now=NOW, actor="test")


def test_loading_again_keeps_what_an_administrator_changed():
    Purpose.objects.filter(name="luxury_applications").update(priority=0.3)
    assert load_reference(now=NOW) == {"purposes": 0, "policies": 0}
    assert Purpose.objects.get(name="luxury_applications").priority == 0.3
