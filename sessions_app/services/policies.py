"""Session policies: versions are added and activated, never changed. Sessions keep the one that they began with."""

from __future__ import annotations

from config.kernel.policies import PolicyVersions
from sessions_app.domain.terms import SessionTerms
from sessions_app.models import SessionPolicy

_VERSIONS = PolicyVersions(SessionPolicy, SessionTerms.read)
create_policy_version = _VERSIONS.create
activate_policy = _VERSIONS.activate
