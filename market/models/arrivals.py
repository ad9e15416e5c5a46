"""What was asked for in each past hour, summed up, so that expecting the next week reads hundreds of rows."""

from __future__ import annotations

from django.db import models


class ArrivalHour(models.Model):
    """Tokens that were asked for in one hour and could not wait long, by kind. Counted once, when the hour is over.

    `arrivals`: rows of model class, origin, latency class, hours it could wait (0: interactive), tokens.
    An hour without a row was not counted; an hour with none in it had none.
    """

    starts_at = models.DateTimeField(primary_key=True)
    arrivals = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"arrivals of {self.starts_at:%Y-%m-%d %H:00}"
