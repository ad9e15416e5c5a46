"""An answer into the database: readings, forecasts, alerts, and what is not believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from climate.services.alerts import keep_alerts
from climate.services.collect.ask import Believed
from climate.services.collect.quarantine import keep_doubts
from climate.services.collect.readings import keep_readings
from climate.services.forecasts import keep_forecasts


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What was written: readings added and changed, alerts changed; `newest` period and `zones` that were told of."""

    new: int
    revised: int
    alerts: int
    newest: datetime | None
    zones: tuple[str, ...]


def keep_answer(*, source: str, answer: Believed, now: datetime) -> KeptAnswer:
    """Store an answer. For within a transaction that holds the source's row."""
    collected, judged = answer.collected, answer.judged
    readings = keep_readings(source=source, readings=judged.readings, now=now)
    keep_doubts(source=source, doubts=judged.doubts, now=now)
    keep_forecasts(source=source, forecasts=judged.forecasts, now=now)
    alerts = 0
    if collected.alerts or collected.is_complete_alert_list:
        alerts = keep_alerts(
            source=source, alerts=collected.alerts, is_complete=collected.is_complete_alert_list, now=now
        )
    zones = {each.zone for each in judged.readings} | {each.zone for each in judged.forecasts}
    return KeptAnswer(
        new=readings.new,
        revised=readings.revised,
        alerts=alerts,
        newest=max((each.starts_at for each in judged.readings), default=None),
        zones=tuple(sorted(zones)),
    )
