"""Drills: what an emergency would change, computed on what waits now and done to nobody."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from climate import selectors as climate
from climate.domain.alerts import DisasterKind
from climate.domain.emergency_policy import HIGHEST_MULTIPLIER
from climate.domain.places import EmergencyFacts
from climate.selectors.emergency_policies import find_emergency_terms
from climate.services.purposes import check_purposes
from config.kernel.errors import Conflict, InvalidInput
from market.domain.placement.drill import PartyChange, changes
from market.models import AllocationRun
from market.selectors.plan_inputs import find_run_in_force, get_plan_inputs
from market.services.passes import run_allocation_pass

NOT_STORED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of a plan: tokens placed and missed, and what is placed emits, g CO2e (estimated). None: not known."""

    planned_tokens: int | None
    missed_tokens: int | None
    planned_g: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillReport:
    """The plan of a drill beside the plan in force, `before_run_id`; `would_give_back` promises would be taken back."""

    run_id: int
    before_run_id: int
    before_made_at: datetime
    kind: str
    country_codes: tuple[str, ...]
    purposes: tuple[str, ...]
    multiplier: float
    before: Figures
    after: Figures
    would_give_back: int
    parties: tuple[PartyChange, ...]


def run_drill(
    *,
    kind: str,
    country_codes: Collection[str],
    purposes: Collection[str] | None = None,
    multiplier: float | None = None,
    actor: str,
    now: datetime,
) -> DrillReport:
    """Plan what waits as if such an emergency were in force, and compare. Nothing else changes.

    What is left out is as the emergency policy has it. The report is kept with the run. Raises
    InvalidInput naming the field at fault, and Conflict if no plan is in force or a pass is running.
    """
    supposed = _supposed(kind, country_codes, purposes, multiplier, now=now)
    before = find_run_in_force()
    if before is None:
        raise Conflict("No plan is in force to compare with. Run an allocation pass first.", code="no_plan")
    result = run_allocation_pass(
        now=now,
        trigger=f"drill: {kind} in {', '.join(supposed.country_codes)}"[:40],
        actor=actor,
        kind=AllocationRun.Kind.DRILL,
        emergencies=(supposed,),
    )
    run = AllocationRun.objects.get(pk=result.run_id)
    report = _report(supposed, before, run)
    AllocationRun.objects.filter(pk=run.pk).update(record={**run.record, "drill": _plain(report)})
    return report


def _supposed(
    kind: str,
    country_codes: Collection[str],
    purposes: Collection[str] | None,
    multiplier: float | None,
    *,
    now: datetime,
) -> EmergencyFacts:
    if kind not in tuple(DisasterKind):
        raise InvalidInput(f"Choose one of {', '.join(DisasterKind)}.", field="kind")
    unknown = [code for code in sorted(set(country_codes)) if climate.find_country(code) is None]
    if unknown or not country_codes:
        raise InvalidInput(
            f"There is no country {', '.join(unknown)}." if unknown else "Name at least one country.",
            field="countries",
            code="unknown_country",
        )
    policy = find_emergency_terms()
    names = tuple(dict.fromkeys(purposes if purposes is not None else policy.purposes if policy else ()))
    check_purposes(names)
    strength = multiplier
    if strength is None and policy is not None:
        strength = policy.kinds[DisasterKind(kind)].multiplier
    if strength is None or not 1 <= strength <= HIGHEST_MULTIPLIER:
        raise InvalidInput(f"The multiplier is between 1 and {HIGHEST_MULTIPLIER:g}.", field="multiplier")
    return EmergencyFacts(
        id=NOT_STORED,
        kind=kind,
        title=f"Drill: {kind}",
        country_codes=tuple(sorted(set(country_codes))),
        purposes=names,
        multiplier=float(strength),
        starts_at=now,
        ends_at=None,
        is_drill=True,
        reason="a drill",
    )


def _report(supposed: EmergencyFacts, before: AllocationRun, run: AllocationRun) -> DrillReport:
    given = run.record.get("would_give_way", [])
    inputs = get_plan_inputs(before.pk)
    return DrillReport(
        run_id=run.pk,
        before_run_id=before.pk,
        before_made_at=inputs.made_at,
        kind=supposed.kind,
        country_codes=supposed.country_codes,
        purposes=supposed.purposes,
        multiplier=supposed.multiplier,
        before=_figures(before),
        after=_figures(run),
        would_give_back=sum(each["promises"] for each in given),
        parties=changes(
            inputs,
            get_plan_inputs(run.pk),
            {(each["origin"], each["purpose"]): each["tokens"] for each in given},
        ),
    )


def _figures(run: AllocationRun) -> Figures:
    return Figures(planned_tokens=run.planned_tokens, missed_tokens=run.missed_tokens, planned_g=run.planned_g)


def _plain(report: DrillReport) -> dict[str, Any]:
    return {**asdict(report), "before_made_at": report.before_made_at.isoformat()}
