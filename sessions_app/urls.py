"""The doors of sessions below `/api/v1/`; each module of the API lists its own."""

from __future__ import annotations

from sessions_app.api import (
    checkpoints,
    cleanup,
    foresight,
    handoffs,
    lives,
    memory,
    round_tables,
    rounds,
    threads,
    usage,
)
from sessions_app.api.gateway import calls as gateway_calls
from sessions_app.api.gateway import deployments as gateway_deployments

urlpatterns = [
    *lives.ROUTES,
    *usage.ROUTES,
    *cleanup.ROUTES,
    *memory.ROUTES,
    *checkpoints.ROUTES,
    *handoffs.ROUTES,
    *foresight.ROUTES,
    *rounds.ROUTES,
    *round_tables.ROUTES,
    *threads.ROUTES,
    *gateway_calls.ROUTES,
    *gateway_deployments.ROUTES,
]
