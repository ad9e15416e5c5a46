"""Registry units, flags, appeals and rules in the administration."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from market.domain.trading.registry import EXAMPLE
from market.models import Appeal, ConductFlag, RegistryUnit
from market.services import appeal_flag
from market.services.trading.conduct import raise_flag
from tests.integration.market.trading.desk import Trader, make_trader
from tests.integration.market.trading.test_rules import sell_rule
from tests.integration.world import NOW, load_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def trader(db) -> Trader:
    load_world()
    return make_trader("Own")


@pytest.fixture
def flag(trader) -> ConductFlag:
    raise_flag(
        key="k",
        kind=ConductFlag.Kind.SPOOF,
        team_id=trader.team.team_id,
        since=NOW,
        evidence={"times": 5},
        now=timezone.now(),
    )
    return ConductFlag.objects.get()


def bring(client: Client, trader: Trader, text: str) -> str:
    file = SimpleUploadedFile("units.csv", text.encode(), content_type="text/csv")
    answer = client.post("/admin/market/registryunit/bring/", {"team": trader.team.team_id, "file": file}, follow=True)
    return answer.content.decode()


def test_a_file_of_units_is_stored_and_shown_as_verified(admin_client, trader):
    assert "1 blocks are stored." in bring(admin_client, trader, EXAMPLE)

    unit = RegistryUnit.objects.get()
    page = admin_client.get(f"/admin/market/registryunit/{unit.pk}/change/").content.decode()
    assert "verified" in page
    assert unit.history.get().history_change_reason.startswith("person admin")
    assert admin_client.get(f"/admin/market/registryunit/{unit.pk}/history/").status_code == 200


def test_a_file_with_a_fault_is_told_by_row_and_column_and_stores_nothing(admin_client, trader):
    said = bring(admin_client, trader, EXAMPLE + EXAMPLE.splitlines()[1].replace("5001", "5400") + "\n")

    assert "Row 2, serial_first: overlaps with row 1" in said
    assert RegistryUnit.objects.count() == 0


def test_an_appeal_is_accepted_with_a_reason(admin_client, trader, flag):
    appeal = appeal_flag(flag_id=flag.pk, text="We test.", principal=trader.team.principal, now=timezone.now())

    admin_client.post(f"/admin/market/appeal/{appeal.pk}/accept/", {"reason": "They do."})

    flag.refresh_from_db()
    assert (flag.status, flag.decided_by, Appeal.objects.get().decision_reason) == (
        "lifted",
        "person admin",
        "They do.",
    )


def test_a_flag_is_upheld_once(admin_client, flag):
    for _ in range(2):
        answer = admin_client.post(f"/admin/market/conductflag/{flag.pk}/uphold/", {"reason": "Clear."}, follow=True)

    assert "This flag is decided." in answer.content.decode()
    assert ConductFlag.objects.get().status == "upheld"


def test_pages_show_evidence_and_rules_and_a_rule_can_be_stopped(admin_client, trader, flag):
    rule = sell_rule(trader)

    assert "&quot;times&quot;: 5" in admin_client.get(f"/admin/market/conductflag/{flag.pk}/change/").content.decode()
    for name in ("conductflag", "appeal", "standingrule", "reputationscore", "registryunit"):
        assert admin_client.get(f"/admin/market/{name}/").status_code == 200
    admin_client.post(f"/admin/market/standingrule/{rule.pk}/pause/", {})
    rule.refresh_from_db()
    assert rule.is_active is False


def test_who_may_not_operate_decides_nothing(client, django_user_model, flag):
    client.force_login(django_user_model.objects.create_user("ann", is_staff=True))

    assert client.post(f"/admin/market/conductflag/{flag.pk}/lift/", {"reason": "x"}).status_code in (302, 403)
    assert ConductFlag.objects.get().status == "open"
