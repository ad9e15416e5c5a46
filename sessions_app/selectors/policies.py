"""Terms of sessions in force."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from config.kernel.errors import InvalidInput, Unavailable
from sessions_app.domain.terms import SessionTerms
from sessions_app.models import Session, SessionPolicy


def get_policy_in_force(name: str | None = None) -> SessionPolicy:
    """The current version of a policy, or of the default one. Raises InvalidInput naming `policy`."""
    current = SessionPolicy.objects.filter(is_current=True)
    policy = (current.filter(name=name) if name else current.filter(is_default=True)).first()
    if policy is None and name is None:
        raise Unavailable("No session policy is in force. Run manage.py load_reference.")
    if policy is None:
        raise InvalidInput("There is no such session policy in force.", field="policy", code="unknown_policy")
    return policy


def terms_of(session: Session) -> SessionTerms:
    """The terms that a session runs under: its policy version, with what accepted proposals set for it."""
    return _terms(session.policy_id, json.dumps(session.overrides, sort_keys=True))


@lru_cache(maxsize=256)
def _terms(policy_id: int, overrides: str) -> SessionTerms:
    """Read once: a version never changes."""
    body: dict[str, Any] = SessionPolicy.objects.values_list("body", flat=True).get(pk=policy_id)
    return SessionTerms.read(overridden(body, json.loads(overrides)))


def overridden(body: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """A body of terms with the values of some dotted keys replaced."""
    result: dict[str, Any] = json.loads(json.dumps(body))
    for key, value in overrides.items():
        *sections, name = key.split(".")
        place = result
        for section in sections:
            place = place[section]
        place[name] = value
    return result
