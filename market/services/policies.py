"""Policies: versions are added and activated, never changed."""

from __future__ import annotations

from config.kernel.policies import PolicyVersions
from market.domain.policy import read_terms
from market.models import Policy

_VERSIONS = PolicyVersions(Policy, read_terms)
create_policy_version = _VERSIONS.create
activate_policy = _VERSIONS.activate
