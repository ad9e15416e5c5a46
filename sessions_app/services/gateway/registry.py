"""Everything that routing looks at, kept in the process and read again at most once a second.

Deployments and breakers are read each second, what changes slowly (grids, regions, places) every few seconds and
with each hour. Secrets are opened once for as long as they stay as they are, and leave here in a Target only.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from config.kernel.errors import NotFound, Unavailable
from sessions_app.domain.gateway.deployments import (
    Candidate,
    DeploymentFacts,
    HealthFacts,
    Snapshot,
)
from sessions_app.domain.gateway.terms import GatewayTerms
from sessions_app.domain.gateway.wire import Target
from sessions_app.models import Deployment
from sessions_app.selectors.gateway.deployments import facts_of, list_health
from sessions_app.selectors.gateway.policies import get_gateway_policy
from sessions_app.services.gateway.figures import Figures, figures
from sessions_app.services.gateway.rereading import Rereader
from sessions_app.services.gateway.secrets import Secret, secret_of

__all__ = ["Snapshot", "current", "forget", "peek", "snapshot", "target_of"]

FRESH = timedelta(seconds=1)
"""How long a snapshot is used without a look."""
USABLE = timedelta(seconds=5)
"""How long one is used while the next is being read, by those who cannot wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A secret, what it was opened from, and who alone may be sent it."""

    secret: Secret
    opened_from: str
    receiver: tuple[str, str]


@dataclass(slots=True)
class _Kept:
    """What stays from one reading to the next. `secrets` by deployment."""

    figures: Figures | None = None
    secrets: dict[int, _Opened] = field(default_factory=dict, repr=False)


_kept = _Kept()


def latest(candidate: Candidate) -> Candidate:
    """A deployment as it was read last, however long ago; as it was given where it is gone. Asks nothing."""
    known = _rereader.value.all if _rereader.value is not None else ()
    return next((each for each in known if each.deployment.id == candidate.deployment.id), candidate)


def target_of(deployment: DeploymentFacts, terms: GatewayTerms, *, total_seconds: float | None = None) -> Target:
    """Where an attempt goes, with the secret. `total_seconds`: what is left of the caller's deadline.

    Raises Unavailable where the deployment cannot be used, or has another address than the facts say: a call that was
    planned before a change must not carry the new secret to the old address. NotFound where this process has not
    read it.
    """
    kept = _kept.secrets.get(deployment.id)
    if kept is None:
        raise NotFound("There is no such deployment.", field="deployment")
    if kept.receiver != (deployment.provider, deployment.base_url):
        raise Unavailable(f"{deployment.name}: its address has changed since.", code="deployment_not_usable")
    secret = kept.secret
    if secret.problem:
        raise Unavailable(f"{deployment.name}: {secret.problem}", code="deployment_not_usable")
    total = float(terms.calls.most_deadline_seconds) if total_seconds is None else total_seconds
    return Target(
        deployment_id=deployment.id,
        provider=deployment.provider,
        base_url=deployment.base_url,
        model=deployment.upstream_model,
        secret=secret.text,
        connect_seconds=min(total, terms.calls.connect_seconds),
        first_byte_seconds=min(total, terms.calls.first_byte_seconds),
        idle_seconds=min(total, terms.calls.idle_seconds),
        total_seconds=total,
    )


def _read(now: datetime) -> Snapshot:
    policy = get_gateway_policy()
    rows = list(Deployment.objects.all())
    longest = policy.terms.breaker.longest_wait_seconds
    health = {where: each.within(longest, now=now) for where, each in list_health().items()}
    known = _kept.figures = figures(_kept.figures, frozenset(row.region_id for row in rows), now=now)
    candidates = tuple(
        Candidate(
            deployment=_facts(row, known),
            health=health.get(row.pk) or HealthFacts(),
            region=known.regions.get(row.region_id),
        )
        for row in rows
    )
    _kept.secrets = {row.pk: _kept.secrets[row.pk] for row in rows}
    by_name: dict[str, list[Candidate]] = defaultdict(list)
    for each in candidates:
        for name in dict.fromkeys(each.deployment.public_names):
            by_name[name].append(each)
    return Snapshot(
        loaded_at=now,
        policy_name=policy.name,
        policy_version=policy.version,
        terms=policy.terms,
        all=candidates,
        by_name={name: tuple(found) for name, found in by_name.items()},
        latency_km=known.latency_km,
        reach=known.reach,
    )


def _facts(row: Deployment, known: Figures) -> DeploymentFacts:
    problem = _secret(row).problem
    if row.region_id not in known.regions:
        problem = f"Its region {row.region_id} is not in use."
    if not row.is_active:
        problem = "It is switched off."
    return facts_of(row, problem=problem)


def _secret(row: Deployment) -> Secret:
    """Opened once for as long as it is sealed as it is; variables are looked at each time."""
    opened_from = f"{row.provider} {row.sealed_secret}"
    kept = _kept.secrets.get(row.pk)
    is_known = kept is not None and kept.opened_from == opened_from and row.sealed_secret
    secret = kept.secret if kept is not None and is_known else secret_of(row)
    receiver = (row.provider, row.base_url)
    _kept.secrets[row.pk] = _Opened(secret=secret, opened_from=opened_from, receiver=receiver)
    return secret


_rereader = Rereader("what routing knows of deployments", lambda now: _read(now), fresh=FRESH, usable=USABLE)
snapshot = _rereader.get
peek = _rereader.peek
current = _rereader.current
forget = _rereader.forget
