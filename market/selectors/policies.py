"""Policies and purposes in force."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from config.kernel.errors import InvalidInput, Unavailable
from market.domain.policy import PolicyTerms, read_terms
from market.models import Policy, Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFacts:
    """A policy version with its terms read."""

    id: int
    name: str
    version: int
    terms: PolicyTerms
    rationale: str

    @property
    def title(self) -> str:
        """Name and version, as sentences name it."""
        return f"{self.name} v{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposeFacts:
    """What work can be for."""

    name: str
    title: str
    tier: str
    priority: float


def get_policy_in_force(name: str | None = None) -> PolicyFacts:
    """The current version of a policy, or of the default one. Raises InvalidInput naming `policy`."""
    current = Policy.objects.filter(is_current=True)
    policy = (current.filter(name=name) if name else current.filter(is_default=True)).first()
    if policy is None and name is None:
        raise Unavailable("No policy is in force. Run manage.py load_reference.")
    if policy is None:
        raise InvalidInput("There is no such policy in force.", field="policy", code="unknown_policy")
    return policy_facts(policy)


def get_policy_version(policy_id: int) -> PolicyFacts:
    """One version, in force or not."""
    return policy_facts(Policy.objects.get(pk=policy_id))


def list_purposes() -> list[PurposeFacts]:
    """Purposes that requests may use, weightiest first."""
    return [_purpose(row) for row in Purpose.objects.filter(is_active=True)]


def list_purpose_titles() -> list[tuple[str, str]]:
    """Name and title of all purposes, weightiest first, also of those that new requests may not use any more."""
    return list(Purpose.objects.values_list("name", "title"))


def get_purpose(name: str) -> PurposeFacts:
    """A purpose by its name or an alias. Raises InvalidInput naming `purpose`."""
    row = Purpose.objects.filter(name=name, is_active=True).first()
    if row is None:
        row = next((each for each in Purpose.objects.filter(is_active=True) if name in each.aliases), None)
    if row is None:
        known = ", ".join(Purpose.objects.filter(is_active=True).values_list("name", flat=True))
        raise InvalidInput(f"There is no such purpose. Known are {known}.", field="purpose", code="unknown_purpose")
    return _purpose(row)


def get_purpose_of(name: str) -> PurposeFacts:
    """A purpose by its own name, also one that new requests may not use any more."""
    return _purpose(Purpose.objects.get(pk=name))


def _purpose(row: Purpose) -> PurposeFacts:
    return PurposeFacts(name=row.name, title=row.title, tier=row.tier, priority=row.priority)


def policy_facts(policy: Policy) -> PolicyFacts:
    """A version that was read already, with its terms."""
    return PolicyFacts(
        id=policy.pk,
        name=policy.name,
        version=policy.version,
        terms=_terms(json.dumps(policy.body, sort_keys=True)),
        rationale=policy.rationale,
    )


@lru_cache(maxsize=64)
def _terms(body: str) -> PolicyTerms:
    """Terms of a body; the same version is read thousands of times."""
    return read_terms(json.loads(body))
