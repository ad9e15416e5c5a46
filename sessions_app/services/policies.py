"""Session policies: versions are added and activated, never changed. Sessions keep the one that they began with."""

from __future__ import annotations

from typing import Any

from config.kernel.policies import PolicyVersions
from config.kernel.terms import TermError
from sessions_app.domain.terms import SessionTerms
from sessions_app.models import SessionPolicy
from sessions_app.selectors.gateway.deployments import serves_embeddings


def _read(body: Any) -> SessionTerms:
    """Terms of a new version. Raises TermError also for a model that the gateway has not got."""
    terms = SessionTerms.read(body)
    if (model := terms.similar.embedding_model) and not serves_embeddings(model):
        raise TermError("similar.embedding_model", "is no model of the gateway that serves embeddings and is in use")
    return terms


_VERSIONS = PolicyVersions(SessionPolicy, _read)
create_policy_version = _VERSIONS.create
activate_policy = _VERSIONS.activate
