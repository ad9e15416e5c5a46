"""What an alert means for the emergency that stands: one pure function, which the services carry out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from climate.domain.alerts import AlertLevel, DisasterKind, EmergencyState
from climate.domain.emergency_policy import Answer, EmergencyTerms
from climate.domain.providers import short_name

RANK = {AlertLevel.UNKNOWN: 0, AlertLevel.GREEN: 1, AlertLevel.ORANGE: 2, AlertLevel.RED: 3}


def graver(one: AlertLevel, other: AlertLevel) -> AlertLevel:
    """The graver of two levels; any that is known is graver than an unknown one."""
    return max(one, other, key=RANK.__getitem__)


class Step(StrEnum):
    """What is to be done. UPGRADE makes a proposal active; PROPOSE_AGAIN makes an active one wait for a person."""

    NOTHING = "nothing"
    ACTIVATE = "activate"
    PROPOSE = "propose"
    EXTEND = "extend"
    UPGRADE = "upgrade"
    PROPOSE_AGAIN = "propose_again"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNow:
    """The alert as it stands. `is_listed`: whether the feed's list still holds it."""

    name: str
    source: str
    kind: DisasterKind
    level: AlertLevel
    country_codes: tuple[str, ...]
    is_current: bool
    ends_at: datetime | None
    last_seen_at: datetime
    is_listed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEmergency:
    """The alert's emergency that is proposed or active.

    `level` is the alert's when its state was decided, `decided_at` when that was; `is_confirmed`: by a person.
    """

    state: EmergencyState
    level: AlertLevel
    country_codes: tuple[str, ...]
    ends_at: datetime | None
    decided_at: datetime
    is_confirmed: bool
    is_kept_by_person: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do and why in words; `ends_at` of the emergency if it is to stand."""

    step: Step
    reason: str = ""
    ends_at: datetime | None = None


NOTHING = Verdict(step=Step.NOTHING)


def decide(
    alert: AlertNow,
    *,
    stands: OpenEmergency | None,
    refused_at: AlertLevel | None,
    terms: EmergencyTerms,
    now: datetime,
) -> Verdict:
    """What `alert` means now. `refused_at` is its level when a person last dismissed or lifted its emergency."""
    if stands is None:
        return _begin(alert, refused_at, terms, now)
    if stands.is_kept_by_person:
        return NOTHING
    return _end(alert, stands, terms, now) or _rise(alert, stands, terms, now) or _extend(alert, stands, terms, now)


def last_word_until(alert: AlertNow, terms: EmergencyTerms) -> datetime:
    """Until when the feed's last word of the event holds."""
    last = alert.last_seen_at if alert.ends_at is None else max(alert.last_seen_at, alert.ends_at)
    return last + timedelta(hours=terms.lasts_hours)


def _capped(until: datetime, decided_at: datetime, terms: EmergencyTerms) -> datetime:
    """`until`, or the longest time after the last decision where the terms have one and it is sooner."""
    if terms.longest_hours is None:
        return until
    return min(until, decided_at + timedelta(hours=terms.longest_hours))


def _begin(alert: AlertNow, refused_at: AlertLevel | None, terms: EmergencyTerms, now: datetime) -> Verdict:
    answer = terms.answer(source=alert.source, kind=alert.kind, level=alert.level)
    until = last_word_until(alert, terms)
    if answer is Answer.IGNORE or not alert.is_current or not alert.country_codes or until <= now:
        return NOTHING
    if refused_at is not None and RANK[alert.level] <= RANK[refused_at]:
        return NOTHING
    said = f"{alert.name} is {alert.level} for {', '.join(alert.country_codes)}"
    if answer is Answer.PROPOSE:
        reason = f"{said}: policy version {terms.version} proposes an emergency and a person decides."
        return Verdict(step=Step.PROPOSE, reason=reason, ends_at=until)
    reason = f"{said}: policy version {terms.version} declares an emergency."
    return Verdict(step=Step.ACTIVATE, reason=reason, ends_at=_capped(until, now, terms))


def _end(alert: AlertNow, stands: OpenEmergency, terms: EmergencyTerms, now: datetime) -> Verdict | None:
    """An end, if the event is over, the feed is silent, or the policy would do nothing any more.

    An unknown level is no news: it ends nothing. What a person confirmed outlives a fall of the level.
    """
    feed = short_name(alert.source)
    if not alert.is_current:
        over = f"{feed} says that {alert.name} is over."
        return Verdict(step=Step.END, reason=over if alert.is_listed else f"{feed} no longer lists {alert.name}.")
    if last_word_until(alert, terms) <= now:
        reason = f"{feed} has said nothing of {alert.name} since {alert.last_seen_at:%Y-%m-%d %H:%M} UTC."
        return Verdict(step=Step.END, reason=reason)
    answer = terms.answer(source=alert.source, kind=alert.kind, level=alert.level)
    if answer is Answer.IGNORE and alert.level is not AlertLevel.UNKNOWN and not stands.is_confirmed:
        reason = f"{alert.name} is {alert.level} now, about which policy version {terms.version} does nothing."
        return Verdict(step=Step.END, reason=reason)
    return None


def _rise(alert: AlertNow, stands: OpenEmergency, terms: EmergencyTerms, now: datetime) -> Verdict | None:
    """A proposal whose alert has become grave enough to need no person."""
    answer = terms.answer(source=alert.source, kind=alert.kind, level=alert.level)
    rose = RANK[alert.level] > RANK[stands.level]
    if stands.state is not EmergencyState.PROPOSED or not rose or answer is not Answer.ACTIVATE:
        return None
    return Verdict(
        step=Step.UPGRADE,
        reason=f"{alert.name} rose from {stands.level} to {alert.level}: policy version {terms.version} declares it.",
        ends_at=_capped(last_word_until(alert, terms), now, terms),
    )


def _extend(alert: AlertNow, stands: OpenEmergency, terms: EmergencyTerms, now: datetime) -> Verdict:
    until = last_word_until(alert, terms)
    if stands.state is EmergencyState.ACTIVE:
        capped = _capped(until, stands.decided_at, terms)
        if capped <= now:
            reason = f"In force for {terms.longest_hours:g} hours without a person's decision; it waits for one."
            return Verdict(step=Step.PROPOSE_AGAIN, reason=reason, ends_at=until)
        until = capped
    spread = bool(alert.country_codes) and alert.country_codes != stands.country_codes
    # Half of the time may pass first: the history need not tell of every asking.
    worthwhile = timedelta(hours=terms.lasts_hours / 2)
    if not spread and (stands.ends_at is None or now + worthwhile < stands.ends_at or until <= stands.ends_at):
        return NOTHING
    words = f"now in {', '.join(alert.country_codes)}" if spread else f"lasts until {until:%Y-%m-%d %H:%M} UTC"
    ends_at = until if stands.ends_at is None else max(until, stands.ends_at)
    return Verdict(step=Step.EXTEND, reason=f"{alert.name} goes on: {words}.", ends_at=ends_at)
