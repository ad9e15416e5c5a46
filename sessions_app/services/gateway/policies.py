"""Gateway policies: versions are added and activated, never changed."""

from __future__ import annotations

from config.kernel.policies import PolicyVersions
from sessions_app.domain.gateway.terms import GatewayTerms
from sessions_app.models import GatewayPolicy

_VERSIONS = PolicyVersions(GatewayPolicy, GatewayTerms.read)
create_gateway_policy_version = _VERSIONS.create
activate_gateway_policy = _VERSIONS.activate
