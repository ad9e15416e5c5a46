"""Policies of any kind as versions: they are added and activated, never changed.

Their table has `name`, `version`, `body`, `rationale`, `author`, `created_at`, `is_current` (one version of each
name), `is_default` (one of all), and a history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Max

from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.terms import TermError


@dataclass(frozen=True, slots=True)
class PolicyVersions:
    """Versions in the table of `model`, whose bodies `read_terms` takes, or refuses with a TermError."""

    model: type[models.Model]
    read_terms: Callable[[Any], object]

    @transaction.atomic
    def create(self, *, name: str, body: dict[str, Any], rationale: str, author_id: int | None, now: datetime) -> int:
        """Add the next version of a policy (the first, if there is none) and return its id. It is not current yet.

        Raises InvalidInput naming the term at fault, or `rationale` if none is given.
        """
        if not rationale.strip():
            raise InvalidInput("Say why this version exists.", field="rationale")
        try:
            self.read_terms(body)
        except TermError as error:
            raise InvalidInput(str(error), field=f"body.{error.key}" if error.key != "body" else "body") from error
        rows = self.model._default_manager
        version = 1 + (rows.filter(name=name).aggregate(newest=Max("version"))["newest"] or 0)
        try:
            with transaction.atomic():
                row = rows.create(
                    name=name, version=version, body=body, rationale=rationale, author_id=author_id, created_at=now
                )
        except IntegrityError as error:
            raise Conflict(
                f"Somebody has just made version {version} of {name}. Look at it, then try again."
            ) from error
        return int(row.pk)

    @transaction.atomic
    def activate(self, *, policy_id: int, now: datetime, actor: str, make_default: bool = False) -> None:
        """Make a version the current one of its name, and with `make_default` the one for who names none.

        A name that is the default stays the default when another of its versions becomes current. Raises NotFound.
        """
        # All of them, in one order: two activations at once must not each see the other's old state.
        rows = self.model._default_manager.select_for_update().order_by("pk")
        versions: dict[int, Any] = {each.pk: each for each in rows}
        policy = versions.get(policy_id)
        if policy is None:
            raise NotFound("There is no such policy version.")
        reason = f"by {actor} at {now:%Y-%m-%d %H:%M:%S} UTC"
        was_default = any(each.is_default and each.name == policy.name for each in versions.values())
        becomes_default = make_default or was_default
        for other in (each for each in versions.values() if each.pk != policy_id):
            loses_current = other.is_current and other.name == policy.name
            loses_default = other.is_default and (loses_current or becomes_default)
            if loses_current or loses_default:
                other.is_current = other.is_current and not loses_current
                other.is_default = other.is_default and not loses_default
                _save(other, reason)
        policy.is_current = True
        policy.is_default = becomes_default
        _save(policy, reason)


def _save(policy: Any, reason: str) -> None:
    policy._change_reason = reason  # read by simple-history
    policy.save(update_fields=["is_current", "is_default"])
