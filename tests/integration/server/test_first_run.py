"""What a first run leaves behind: all of it or nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.utils import timezone

from accounts.domain.scopes import ALL_SCOPES
from accounts.models import Organisation
from accounts.selectors import find_principal_by_secret
from budgets.models import Budget
from config.server import first_run
from config.server.reference import load_reference
from market.models import Fund

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def credentials(now):
    load_reference(now=now)
    return first_run.create_demo(now=now)


def test_the_administrator_can_log_in(credentials, rf):
    user = authenticate(rf.post("/admin/login/"), username=credentials.username, password=credentials.password)

    assert user is not None
    assert user.is_superuser
    assert not first_run.is_first_run()


def test_the_key_may_do_everything_for_everybody(credentials, now):
    found = find_principal_by_secret(credentials.api_key, now=now)

    assert found is not None
    principal = found[0]
    assert principal.scopes == ALL_SCOPES
    assert principal.may_claim_origin("BD")
    assert principal.may_claim_purpose("cryptocurrency_mining")
    assert principal.country_code == "DE"


def test_the_team_has_a_default_budget_with_examples_below_it(credentials):
    default = Budget.objects.get(is_default=True)

    assert (default.unit, default.limit, default.period) == ("tokens", 50_000_000, "month")
    assert set(Budget.objects.filter(parent=default).values_list("name", flat=True)) == {
        name for name, _ in first_run.SHARES_OF_TEAM
    }


def test_the_fund_begins_with_a_deposit_that_is_called_a_demo(credentials):
    fund = Fund.objects.get()

    assert fund.balance_micro_usd == 1_000_000_000
    assert [entry.reason for entry in fund.entries.all()] == ["demo deposit"]


def test_a_first_run_that_fails_half_way_leaves_nothing(now, monkeypatch):
    def fail(**_given):
        raise RuntimeError("killed")

    monkeypatch.setattr(first_run, "deposit_to_fund", fail)

    with pytest.raises(RuntimeError):
        first_run.create_demo(now=now)

    assert first_run.is_first_run()
    assert not Organisation.objects.exists()
    assert not get_user_model().objects.exists()
    assert not Budget.objects.exists()


def test_loading_the_reference_again_adds_nothing(now):
    first = load_reference(now=now)
    second = load_reference(now=now)

    assert min(first.values()) > 0
    assert set(second.values()) == {0}
