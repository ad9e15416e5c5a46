"""Emergencies and the alerts of the feeds in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from climate.domain.alerts import AlertFacts
from climate.domain.places import EmergencyFacts
from climate.domain.providers import short_name
from climate.domain.sources import SourceState
from dashboard.domain.figures import moment
from dashboard.presentation.notices import listed
from dashboard.selectors.alerts import AlertBoard

Row = dict[str, Any]

LEVEL_TONES = {"red": "bad", "orange": "warn", "green": "good"}
STATE_WORDS = {
    "active": ("in force", "bad"),
    "proposed": ("proposed", "warn"),
    "dismissed": ("dismissed", "calm"),
    "ended": ("ended", "calm"),
}


def board_rows(board: AlertBoard, names: Mapping[str, str], *, now: datetime) -> Row:
    """Everything the page of alerts shows, the gravest first. `names` are those of countries by code."""
    return {
        "in_force": [emergency_row(each, names, now=now) for each in sorted(board.in_force, key=_drills_last)],
        "announced": [emergency_row(each, names, now=now) for each in board.announced],
        "proposed": [emergency_row(each, names, now=now) for each in board.proposed],
        "past": [emergency_row(each, names, now=now) for each in board.past],
        "alerts": [alert_row(each, names, now=now) for each in board.alerts],
        "current_alerts": board.current_alerts,
        "feed_notice": feed_notice(board.feeds),
    }


def feed_notice(feeds: Sequence[SourceState]) -> str:
    """What to know of the list of alerts: that no feed answers, and since when. Empty while one does."""
    if any(each.is_asked and not each.is_stale for each in feeds):
        return ""
    answered = max((each.last_success_at for each in feeds if each.last_success_at), default=None)
    return f"No feed has answered since {moment(answered)}." if answered else "No feed has answered yet."


def _drills_last(emergency: EmergencyFacts) -> bool:
    return emergency.is_drill


def alert_digest(board: AlertBoard, *, now: datetime) -> Row:
    """What changes whenever anything on the page of alerts does, without its content; and by nothing else."""
    said = repr(board_rows(board, {}, now=now))
    return {
        "in_force": len(board.in_force),
        "proposed": len(board.proposed),
        "current_alerts": board.current_alerts,
        "digest": sha256(said.encode()).hexdigest()[:16],
    }


def emergency_row(emergency: EmergencyFacts, names: Mapping[str, str], *, now: datetime) -> Row:
    """One emergency: what it lifts, where, since when, until when, who decided and why."""
    word, tone = STATE_WORDS.get(emergency.state, (emergency.state, "calm"))
    if emergency.state == "active" and emergency.starts_at > now:
        word, tone = "announced", "info"
    if emergency.state == "active" and emergency.ends_at is not None and emergency.ends_at <= now:
        word, tone = "ended", "calm"
    return {
        "id": emergency.id,
        "title": emergency.title,
        "kind": emergency.kind.capitalize(),
        "state": word,
        "tone": "info" if emergency.is_drill and tone == "bad" else tone,
        "is_drill": emergency.is_drill,
        "countries": country_words(emergency.country_codes, names),
        "lifts": f"weight × {emergency.multiplier:g} for {listed(emergency.purposes)}",
        "since": moment(emergency.starts_at),
        "since_iso": emergency.starts_at.isoformat(),
        "until": moment(emergency.ends_at) if emergency.ends_at else "open",
        "lasts": _lasts(emergency),
        "reason": emergency.reason,
        "decided": _decided(emergency),
    }


def _lasts(emergency: EmergencyFacts) -> str:
    if emergency.ends_at is not None:
        return f"until {moment(emergency.ends_at)}"
    return "while the event lasts" if emergency.alert_id is not None else "until it is lifted"


def _decided(emergency: EmergencyFacts) -> str:
    policy = f"policy version {emergency.policy_version}" if emergency.policy_version else "policy"
    # Visitors read this too: who it was is in the audit log.
    who = "a person" if emergency.decided_by or emergency.alert_id is None else policy
    at = emergency.decided_at or emergency.declared_at
    return f"by {who}, {moment(at)}" if at else f"by {who}"


def alert_row(alert: AlertFacts, names: Mapping[str, str], *, now: datetime) -> Row:
    """One event of a feed. Its address is shown only where it is one of the web."""
    # Feeds give as the end of an event that goes on when they observed it last.
    is_observed = alert.is_current and alert.ends_at is not None and alert.ends_at <= now
    word, _ = STATE_WORDS.get(alert.emergency_state or "", ("", ""))
    return {
        "id": alert.id,
        "level": alert.level.capitalize(),
        "tone": LEVEL_TONES.get(alert.level, "calm"),
        "kind": alert.kind.capitalize(),
        "title": alert.title,
        "countries": country_words(alert.country_codes, names),
        "severity": alert.severity_text,
        "glide": alert.glide,
        "source": short_name(alert.source),
        "url": alert.url if urlsplit(alert.url).scheme in ("http", "https") else "",
        "since": moment(alert.starts_at),
        "until": moment(alert.ends_at) if alert.ends_at else "open",
        "is_observed": is_observed,
        "version": alert.version_at.isoformat(),
        "emergency": f"emergency {word}" if word else "no emergency",
    }


def country_words(codes: tuple[str, ...], names: Mapping[str, str]) -> str:
    """Names of countries; a code whose name is not known stays a code."""
    return ", ".join(names.get(code, code) for code in codes) or "no country known"
