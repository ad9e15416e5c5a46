"""Emergencies that follow alerts by policy: the steps that `climate.domain.alert_decision` finds, carried out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from climate.domain.alert_decision import AlertNow, OpenEmergency, Step, Verdict, decide, graver
from climate.domain.alerts import AlertLevel, DisasterKind, EmergencyState
from climate.domain.emergency_policy import EmergencyTerms
from climate.models import Alert, Emergency
from climate.selectors.emergency_policies import find_emergency_terms
from climate.services.emergency_changes import just_after, note_change, save_emergencies

OPEN = (EmergencyState.PROPOSED, EmergencyState.ACTIVE)
CLOSED = (EmergencyState.DISMISSED, EmergencyState.ENDED)
BEGINS = (Step.ACTIVATE, Step.PROPOSE)
STATE_AFTER = {
    Step.ACTIVATE: EmergencyState.ACTIVE,
    Step.UPGRADE: EmergencyState.ACTIVE,
    Step.PROPOSE: EmergencyState.PROPOSED,
    Step.PROPOSE_AGAIN: EmergencyState.PROPOSED,
    Step.END: EmergencyState.ENDED,
}


@transaction.atomic
def follow_alerts(alerts: Iterable[Alert], *, now: datetime) -> None:
    """Propose, declare, extend or end the emergencies of `alerts` as the policy in force says.

    What begins again within the hours that a word holds is the emergency that ended, not a new one: a
    feed that wavers fills no list. Three queries, and four for every 500 emergencies that change.
    """
    terms = find_emergency_terms()
    by_id = {each.pk: each for each in alerts}
    if terms is None or not by_id:
        return
    standing, ended = _emergencies_of(by_id, ended_since=now - timedelta(hours=terms.lasts_hours))
    refused = _refused_levels(by_id)
    changed: list[Emergency] = []
    for alert in by_id.values():
        stands = standing.get(alert.pk)
        verdict = decide(
            _alert_now(alert),
            stands=_open_emergency(stands) if stands else None,
            refused_at=refused.get(alert.pk),
            terms=terms,
            now=now,
        )
        if verdict.step is not Step.NOTHING:
            emergency = stands or ended.get(alert.pk) or Emergency(alert=alert, declared_at=now, starts_at=now)
            _carry_out(verdict, alert, emergency, terms, now)
            changed.append(emergency)
    save_emergencies(changed, now=now)


@transaction.atomic
def end_overdue_emergencies(*, now: datetime) -> int:
    """Close the emergencies whose end has passed, and return how many were changed.

    Weights fell back when the end passed; this makes the rows say so. One that has been in force for the
    longest time while its event goes on is not closed: it waits for a person again.
    """
    overdue = Emergency.objects.select_for_update(of=("self",)).filter(state__in=OPEN, ends_at__lte=now)
    rows = list(overdue.select_related("alert").order_by("pk"))
    terms = find_emergency_terms()
    for each in rows:
        verdict = Verdict(step=Step.END, reason=f"Its end, {each.ends_at:%Y-%m-%d %H:%M} UTC, has passed.")
        if each.alert is not None and terms is not None:
            found = decide(_alert_now(each.alert), stands=_open_emergency(each), refused_at=None, terms=terms, now=now)
            verdict = verdict if found.step is Step.NOTHING else found
        _carry_out(verdict, each.alert, each, terms, now)
    save_emergencies(rows, now=now)
    return len(rows)


def _emergencies_of(
    alert_ids: Iterable[int], *, ended_since: datetime
) -> tuple[dict[int | None, Emergency], dict[int | None, Emergency]]:
    """By alert: what is open, and what ended since then without a person. Locked."""
    has_ended = Q(state=EmergencyState.ENDED, is_kept_by_person=False, ends_at__gt=ended_since)
    rows = Emergency.objects.select_for_update(of=("self",)).filter(Q(state__in=OPEN) | has_ended, alert__in=alert_ids)
    locked = list(rows.order_by("pk"))  # the order in which all lock them
    standing = {each.alert_id: each for each in locked if each.state in OPEN}
    return standing, {each.alert_id: each for each in locked if each.state not in OPEN}


def _refused_levels(alert_ids: Iterable[int]) -> Mapping[int | None, AlertLevel]:
    """The level of each alert when a person last dismissed or lifted its emergency."""
    decided = Emergency.objects.filter(alert__in=alert_ids, state__in=CLOSED, is_kept_by_person=True)
    rows = decided.order_by("decided_at", "pk").values_list("alert_id", "alert_level")
    return {alert_id: AlertLevel(level or AlertLevel.UNKNOWN) for alert_id, level in rows}


def _alert_now(alert: Alert) -> AlertNow:
    return AlertNow(
        name=f"{alert.kind} alert {alert.external_id}",
        source=alert.source,
        kind=DisasterKind(alert.kind),
        level=AlertLevel(alert.level),
        country_codes=tuple(alert.country_codes),
        is_current=alert.is_current,
        ends_at=alert.ends_at,
        last_seen_at=alert.last_seen_at,
        is_listed=alert.missing_since is None,
    )


def _open_emergency(emergency: Emergency) -> OpenEmergency:
    return OpenEmergency(
        state=EmergencyState(emergency.state),
        level=AlertLevel(emergency.alert_level or AlertLevel.UNKNOWN),
        country_codes=tuple(emergency.country_codes),
        ends_at=emergency.ends_at,
        decided_at=emergency.decided_at or emergency.declared_at,
        is_confirmed=bool(emergency.decided_by),
        is_kept_by_person=emergency.is_kept_by_person,
    )


def _carry_out(
    verdict: Verdict, alert: Alert | None, emergency: Emergency, terms: EmergencyTerms | None, now: datetime
) -> None:
    """Make `emergency` say what is to be done; it is not stored yet."""
    if alert is not None and verdict.step is not Step.END:
        _copy_alert(emergency, alert)
    if terms is not None and verdict.step in (Step.ACTIVATE, Step.PROPOSE, Step.UPGRADE):
        _copy_terms(emergency, terms)
        emergency.starts_at = now
    emergency.ends_at = just_after(emergency.starts_at, now) if verdict.step is Step.END else verdict.ends_at
    if verdict.step in STATE_AFTER:
        emergency.state = STATE_AFTER[verdict.step]
        emergency.reason = verdict.reason
        emergency.decided_at, emergency.decided_by = now, ""
        emergency.alert_level = _level_decided_on(verdict.step, alert, emergency.alert_level)
    note_change(emergency, why=verdict.reason, now=now)


def _level_decided_on(step: Step, alert: Alert | None, known: str) -> str:
    """The alert's level now, or the graver one that the emergency stood for: a level that fell or became
    unknown must not make the same one look like a rise."""
    if alert is None:
        return ""
    if step in BEGINS or not known:
        return alert.level
    return graver(AlertLevel(alert.level), AlertLevel(known))


def _copy_alert(emergency: Emergency, alert: Alert) -> None:
    emergency.kind = alert.kind
    emergency.title = alert.title
    emergency.country_codes = alert.country_codes or emergency.country_codes


def _copy_terms(emergency: Emergency, terms: EmergencyTerms) -> None:
    emergency.policy_version = terms.version
    emergency.purposes = list(terms.purposes)
    emergency.multiplier = terms.kinds[DisasterKind(emergency.kind)].multiplier
