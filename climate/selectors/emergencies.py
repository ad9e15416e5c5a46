"""Alerts as the feeds tell them, and the emergencies that follow. Only what is in force changes decisions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import Case, Prefetch, Q, QuerySet, TextField, When
from django.db.models.functions import Cast, Coalesce

from climate.domain.alerts import AlertFacts, AlertLevel, DisasterKind, EmergencyState
from climate.domain.places import EmergencyChange, EmergencyFacts
from climate.models import Alert, Emergency
from climate.selectors.rows import LazyRows
from config.kernel.errors import NotFound

MOST_CHANGES = 200
GRAVITY = Case(
    *(When(level=level, then=rank) for rank, level in enumerate((AlertLevel.RED, AlertLevel.ORANGE))),
    When(level=AlertLevel.GREEN, then=3),
    default=2,  # what nobody graded may be anything
)


def list_active_emergencies(*, now: datetime) -> list[EmergencyFacts]:
    """Emergencies in force at `now`, newest first. One query. Proposals and drills are never among them."""
    return [_emergency_facts(each) for each in _in_force(now).filter(is_drill=False)]


def list_active_drills(*, now: datetime) -> list[EmergencyFacts]:
    """Exercises under way at `now`, newest first. One query. They change no decision."""
    return [_emergency_facts(each) for each in _in_force(now).filter(is_drill=True)]


def list_emergencies(
    *, states: Collection[EmergencyState] | None = None, include_drills: bool = True
) -> Sequence[EmergencyFacts]:
    """Emergencies in any of `states` (all, if None), last decided first. One query for each slice."""
    found = Emergency.objects.order_by(Coalesce("decided_at", "declared_at").desc(), "-pk")
    if states is not None:
        found = found.filter(state__in=states)
    if not include_drills:
        found = found.filter(is_drill=False)
    return LazyRows(found, _emergency_facts)


def get_emergency(emergency_id: int) -> EmergencyFacts:
    """One emergency, whatever its state. Raises NotFound."""
    found = Emergency.objects.filter(pk=emergency_id).first()
    if found is None:
        raise NotFound("There is no such emergency.")
    return _emergency_facts(found)


def list_emergency_changes(emergency_id: int) -> list[EmergencyChange]:
    """What became of an emergency, newest first, at most the last 200 changes. One query."""
    rows = Emergency.history.filter(id=emergency_id).order_by("-history_date", "-history_id")
    return [
        EmergencyChange(
            at=each.history_date,
            state=each.state,
            reason=each.reason,
            change=each.history_change_reason or "",
            by=each.decided_by,
            multiplier=each.multiplier,
            country_codes=tuple(each.country_codes),
            ends_at=each.ends_at,
            alert_level=each.alert_level,
        )
        for each in rows[:MOST_CHANGES]
    ]


def list_alerts(
    *,
    is_current: bool = True,
    kind: DisasterKind | None = None,
    level: AlertLevel | None = None,
    country_code: str | None = None,
    gravest_first: bool = False,
) -> Sequence[AlertFacts]:
    """Alerts that are current, or that are over, the last changed first. Two queries for each slice.

    `gravest_first`: by level before that, unknown before green.
    """
    found: QuerySet[Alert] = Alert.objects.order_by(*((GRAVITY,) if gravest_first else ()), "-version_at", "-pk")
    found = found.filter(is_current=is_current)
    if kind is not None:
        found = found.filter(kind=kind)
    if level is not None:
        found = found.filter(level=level)
    if country_code is not None:
        # A list in JSON, asked in the one way that both databases understand.
        codes = Cast("country_codes", TextField())
        found = found.annotate(codes_text=codes).filter(codes_text__contains=f'"{country_code}"')
    newest_first = Prefetch("emergencies", Emergency.objects.order_by("-declared_at", "-pk"))
    return LazyRows(found.prefetch_related(newest_first), _alert_facts)


def _in_force(now: datetime) -> QuerySet[Emergency]:
    return Emergency.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=now), state=EmergencyState.ACTIVE, starts_at__lte=now
    )


def _emergency_facts(emergency: Emergency) -> EmergencyFacts:
    return EmergencyFacts(
        id=emergency.pk,
        kind=emergency.kind,
        title=emergency.title,
        country_codes=tuple(emergency.country_codes),
        purposes=tuple(emergency.purposes),
        multiplier=emergency.multiplier,
        starts_at=emergency.starts_at,
        ends_at=emergency.ends_at,
        state=emergency.state,
        is_drill=emergency.is_drill,
        reason=emergency.reason,
        declared_at=emergency.declared_at,
        alert_id=emergency.alert_id,
        policy_version=emergency.policy_version,
        alert_level=emergency.alert_level,
        decided_at=emergency.decided_at,
        decided_by=emergency.decided_by,
        is_kept_by_person=emergency.is_kept_by_person,
    )


def _alert_facts(alert: Alert) -> AlertFacts:
    newest = next(iter(alert.emergencies.all()), None)
    return AlertFacts(
        id=alert.pk,
        source=alert.source,
        external_id=alert.external_id,
        kind=alert.kind,
        level=alert.level,
        title=alert.title,
        country_codes=tuple(alert.country_codes),
        severity_text=alert.severity_text,
        glide=alert.glide,
        url=alert.url,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        is_current=alert.is_current,
        version_at=alert.version_at,
        first_seen_at=alert.first_seen_at,
        last_seen_at=alert.last_seen_at,
        emergency_id=newest.pk if newest else None,
        emergency_state=newest.state if newest else None,
        unknown_places=tuple(alert.unknown_places),
    )
