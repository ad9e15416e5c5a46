"""Terms of the gateway in force."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from config.kernel.errors import Unavailable
from sessions_app.domain.gateway.terms import GatewayTerms
from sessions_app.models import GatewayPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPolicyFacts:
    """A version with its terms."""

    id: int
    name: str
    version: int
    terms: GatewayTerms


def get_gateway_policy() -> GatewayPolicyFacts:
    """The default policy's version in force: one query. Raises Unavailable where there is none."""
    found = GatewayPolicy.objects.filter(is_default=True).values_list("pk", "name", "version").first()
    if found is None:
        raise Unavailable("No gateway policy is in force. Run manage.py load_reference.")
    policy_id, name, version = found
    return GatewayPolicyFacts(id=policy_id, name=name, version=version, terms=_terms(policy_id))


@lru_cache(maxsize=64)
def _terms(policy_id: int) -> GatewayTerms:
    """Read once: a version never changes."""
    body: dict[str, Any] = GatewayPolicy.objects.values_list("body", flat=True).get(pk=policy_id)
    return GatewayTerms.read(body)
