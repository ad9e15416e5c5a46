"""Emergencies as people decide on them: declared, exercised, confirmed, dismissed, lifted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from climate.domain.alert_decision import graver
from climate.domain.alerts import AlertLevel, DisasterKind, EmergencyState
from climate.domain.emergency_policy import HIGHEST_MULTIPLIER
from climate.domain.texts import is_clean
from climate.models import Country, Emergency
from climate.services.emergency_changes import just_after, save_emergency
from climate.services.purposes import check_purposes
from config.kernel.errors import Conflict, InvalidInput, NotFound

LONGEST_TITLE = 300
EARLIEST_START = timedelta(days=1)
"""Before it is declared: what was done before stays as it was decided."""
LATEST_END = timedelta(days=366 * 2)
"""After it is changed; one that lasts longer is declared without an end."""
CHANGEABLE = ("title", "country_codes", "purposes", "multiplier", "ends_at")
"""What a person may change of an emergency that is not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEmergency:
    """What a person declares. `starts_at` None: now. `ends_at` None: it lasts until it is lifted."""

    kind: str
    title: str
    country_codes: Collection[str]
    purposes: Collection[str]
    multiplier: float
    reason: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@transaction.atomic
def declare_emergency(new: NewEmergency, *, by: str, now: datetime) -> int:
    """Put an emergency in force and return its id. Raises InvalidInput naming the field at fault."""
    return _create(new, is_drill=False, by=by, now=now)


@transaction.atomic
def start_drill(new: NewEmergency, *, by: str, now: datetime) -> int:
    """Begin an exercise, which is shown as one and changes no decision, and return its id.

    Raises InvalidInput naming the field at fault; a drill must say when it ends.
    """
    if new.ends_at is None:
        raise InvalidInput("Say when the drill ends.", field="ends_at")
    return _create(new, is_drill=True, by=by, now=now)


@transaction.atomic
def confirm_emergency(*, emergency_id: int, reason: str, by: str, now: datetime, keep: bool = False) -> None:
    """Put a proposed emergency in force, or let one that follows an alert go on for the longest time again.

    It ends when its event ends, unless `keep`: then the feed no longer changes it and a person must lift it.
    Raises NotFound, InvalidInput (`reason`), and Conflict if there is nothing to confirm.
    """
    _check_reason(reason)
    emergency = _locked(emergency_id)
    if emergency.state not in (EmergencyState.PROPOSED, EmergencyState.ACTIVE):
        raise Conflict(f"This emergency is {emergency.state}; only one that is proposed or active is confirmed.")
    if emergency.alert_id is None:
        raise Conflict("This emergency was declared by a person; it needs no confirmation.")
    if emergency.ends_at is not None and emergency.ends_at <= now:
        raise Conflict(f"The feed has been silent and this ended at {emergency.ends_at:%Y-%m-%d %H:%M} UTC.")
    if emergency.state == EmergencyState.PROPOSED:
        emergency.starts_at = now
    emergency.state = EmergencyState.ACTIVE
    emergency.is_kept_by_person = keep
    if keep:
        emergency.ends_at = None
    _decide(emergency, "confirmed and kept" if keep else "confirmed", reason, by, now)


@transaction.atomic
def dismiss_emergency(*, emergency_id: int, reason: str, by: str, now: datetime) -> None:
    """Refuse a proposed emergency. The same alert proposes it again only if its level rises.

    Raises NotFound, InvalidInput (`reason`), and Conflict if it is not proposed.
    """
    _check_reason(reason)
    emergency = _locked(emergency_id)
    if emergency.state != EmergencyState.PROPOSED:
        hint = " Lift it instead." if emergency.state == EmergencyState.ACTIVE else ""
        raise Conflict(f"This emergency is {emergency.state}; only a proposed one is dismissed.{hint}")
    emergency.state = EmergencyState.DISMISSED
    emergency.is_kept_by_person = True
    emergency.ends_at = just_after(emergency.starts_at, now)
    _decide(emergency, "dismissed", reason, by, now)


@transaction.atomic
def lift_emergency(*, emergency_id: int, reason: str, by: str, now: datetime) -> None:
    """End an emergency or a drill now. Its alert raises it again only if the alert's level rises.

    Raises NotFound, InvalidInput (`reason`), and Conflict if it is not in force.
    """
    _check_reason(reason)
    emergency = _locked(emergency_id)
    if emergency.ends_at is not None and emergency.ends_at <= now:
        raise Conflict(f"This emergency ended at {emergency.ends_at:%Y-%m-%d %H:%M} UTC.")
    if emergency.state != EmergencyState.ACTIVE:
        hint = " Dismiss it instead." if emergency.state == EmergencyState.PROPOSED else ""
        raise Conflict(f"This emergency is {emergency.state}; only an active one is lifted.{hint}")
    if emergency.starts_at > now:
        raise Conflict("This emergency has not begun. Delete it, or change its start.")
    emergency.state = EmergencyState.ENDED
    emergency.is_kept_by_person = True
    emergency.ends_at = just_after(emergency.starts_at, now)
    _decide(emergency, "lifted", reason, by, now)


@transaction.atomic
def change_emergency(*, emergency_id: int, changes: Mapping[str, Any], reason: str, now: datetime) -> None:
    """Change what `changes` names among CHANGEABLE, and nothing else. The feed leaves the emergency alone from then on.

    Raises NotFound, InvalidInput naming the field at fault, and Conflict if it is over.
    """
    emergency = lock_open_emergency(emergency_id=emergency_id, now=now)
    if not changes:
        return
    values: dict[str, Any] = {name: changes.get(name, getattr(emergency, name)) for name in CHANGEABLE}
    whole = NewEmergency(kind=emergency.kind, starts_at=emergency.starts_at, reason=emergency.reason, **values)
    _check(whole, now)
    for name in changes:
        setattr(emergency, name, values[name])
    emergency.is_kept_by_person = True
    save_emergency(emergency, why=reason or "changed", now=now, fields=[*changes, "is_kept_by_person"])


def lock_open_emergency(*, emergency_id: int, now: datetime) -> Emergency:
    """The emergency, locked until the transaction ends. Raises NotFound, and Conflict if it is over."""
    emergency = _locked(emergency_id)
    if emergency.state in (EmergencyState.DISMISSED, EmergencyState.ENDED):
        raise Conflict(f"This emergency is {emergency.state} meanwhile. Nothing was changed.")
    if emergency.ends_at is not None and emergency.ends_at <= now:
        raise Conflict(f"This emergency ended at {emergency.ends_at:%Y-%m-%d %H:%M} UTC. Nothing was changed.")
    return emergency


def _create(new: NewEmergency, *, is_drill: bool, by: str, now: datetime) -> int:
    _check(new, now)
    _check_start(new.starts_at or now, now)
    emergency = Emergency(
        kind=new.kind,
        title=new.title.strip(),
        state=EmergencyState.ACTIVE,
        is_drill=is_drill,
        country_codes=sorted(set(new.country_codes)),
        purposes=list(dict.fromkeys(new.purposes)),
        multiplier=new.multiplier,
        starts_at=new.starts_at or now,
        ends_at=new.ends_at,
        declared_at=now,
        is_kept_by_person=True,
    )
    _decide(emergency, "drill" if is_drill else "declared", new.reason, by, now)
    return emergency.pk


def _check(new: NewEmergency, now: datetime) -> None:
    """Raises InvalidInput for the first field that cannot be meant."""
    if new.kind not in tuple(DisasterKind):
        raise InvalidInput(f"Choose one of {', '.join(DisasterKind)}.", field="kind")
    if not new.title.strip() or len(new.title) > LONGEST_TITLE:
        raise InvalidInput(f"Give a title of at most {LONGEST_TITLE} characters.", field="title")
    for field, text in (("title", new.title), ("reason", new.reason)):
        if not is_clean(text):
            raise InvalidInput("Leave out signs that cannot be seen, such as those that turn text round.", field=field)
    known = set(Country.objects.filter(pk__in=list(new.country_codes)).values_list("pk", flat=True))
    if unknown := sorted(set(new.country_codes) - known):
        raise InvalidInput(f"There is no country {', '.join(unknown)}.", field="countries")
    if not known:
        raise InvalidInput("Name at least one country.", field="countries")
    check_purposes(new.purposes)
    if not 1.0 <= new.multiplier <= HIGHEST_MULTIPLIER:
        raise InvalidInput(f"Send a number between 1 and {HIGHEST_MULTIPLIER:g}.", field="multiplier")
    if new.ends_at is not None and new.ends_at <= max(now, new.starts_at or now):
        raise InvalidInput("The end must be after the start and after now.", field="ends_at")
    if new.ends_at is not None and new.ends_at > now + LATEST_END:
        raise InvalidInput("The end must be within two years. Leave it empty if it is not known.", field="ends_at")
    _check_reason(new.reason)


def _check_start(starts_at: datetime, now: datetime) -> None:
    if not now - EARLIEST_START <= starts_at <= now + LATEST_END:
        raise InvalidInput("The start must be at most a day ago and within two years.", field="starts_at")


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")


def _locked(emergency_id: int) -> Emergency:
    emergency = (
        Emergency.objects.select_for_update(of=("self",)).select_related("alert").filter(pk=emergency_id).first()
    )
    if emergency is None:
        raise NotFound("There is no such emergency.")
    return emergency


def _decide(emergency: Emergency, word: str, reason: str, by: str, now: datetime) -> None:
    """Note a person's decision, with the level of the alert that they saw, or the graver one it was declared for."""
    # Why it was in force is still asked for when it no longer is.
    emergency.reason = f"{emergency.reason} Lifted: {reason.strip()}" if word == "lifted" else reason.strip()
    emergency.decided_at, emergency.decided_by = now, by
    if emergency.alert is not None:
        known = AlertLevel(emergency.alert_level or AlertLevel.UNKNOWN)
        emergency.alert_level = graver(AlertLevel(emergency.alert.level), known)
    save_emergency(emergency, why=f"{word}: {reason.strip()}", now=now)
