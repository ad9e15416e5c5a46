"""What the tests of the pages of budgets do again and again."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from accounts.models import Team
from budgets.domain.adjustments import AdjustmentKind
from budgets.domain.periods import Period
from budgets.domain.units import Amounts, Unit
from budgets.models import (
    Adjustment,
    Budget,
)
from budgets.services import create_budget, place_hold, settle_hold
from budgets.services.adjustments import propose_adjustment

STARTED = datetime.now(UTC)


def budget(world, name: str, *, parent=None, team_id=None, unit=Unit.TOKENS, limit=1000, **changes) -> UUID:
    team = Team.objects.get(pk=world.delta_team_id if team_id is None else team_id or world.delta_team_id)
    made = create_budget(
        name=name,
        organisation_id=team.organisation_id,
        team_id=None if team_id == 0 else team.pk,
        parent_id=parent,
        unit=unit,
        limit=Decimal(limit),
        period=Period.MONTH,
        actor="person test",
        now=datetime.now(UTC),
    )
    Budget.objects.filter(pk=made).update(**changes)
    return made


def budget_of(tree: dict[str, UUID], name: str) -> UUID:
    """Another budget beside the pool, with nothing going on."""
    pool = Budget.objects.get(pk=tree["pool"])
    return create_budget(
        name=name,
        organisation_id=pool.organisation_id,
        team_id=None,
        parent_id=None,
        unit=Unit.TOKENS,
        limit=Decimal(10),
        period=Period.MONTH,
        actor="test",
        now=datetime.now(UTC),
    )


def reserve(budget_id: UUID, tokens: int, reference: str = "") -> UUID:
    now = datetime.now(UTC)
    return place_hold(
        budget_id=budget_id,
        amounts=Amounts(tokens=tokens, carbon_ug=0, micro_usd=0),
        reference=reference or f"test:{uuid4()}",
        lease_expires_at=now + timedelta(minutes=10),
        actor="person test",
        now=now,
    ).hold_id


def settle(hold_id: UUID, tokens: int) -> None:
    amounts = Amounts(tokens=tokens, carbon_ug=0, micro_usd=0)
    settle_hold(hold_id=hold_id, amounts=amounts, actor="person test", now=datetime.now(UTC))


def propose(budget_id: UUID, actor: str = "person zoe", amount: int = 5000) -> Adjustment:
    facts = propose_adjustment(
        budget_id=budget_id,
        kind=AdjustmentKind.LIMIT,
        amount=Decimal(amount),
        reason="The season begins.",
        actor=actor,
        now=datetime.now(UTC),
    )
    return Adjustment.objects.get(pk=facts.id)


def address(budget_id: UUID, query: str = "") -> str:
    return f"/budgets/{budget_id}/{query}"


def part(client, path: str, name: str) -> str:
    page = client.get(path).content.decode()
    found = page.partition(f'id="{name}"')[2].partition("</section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found))


def ledger_rows(client, path: str) -> list[list[str]]:
    """Kind and the five columns of each entry shown."""
    body = client.get(path).content.decode().partition('id="ledger-rows"')[2].partition("</tbody>")[0]
    rows = []
    for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL):
        kind = re.search(r'<th scope="row">(.*?)</th>', row)
        rows.append([kind.group(1) if kind else "", *re.findall(r'<td class="num">(.*?)</td>', row)])
    return rows
