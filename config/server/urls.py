"""Health of the process, for people and orchestrators."""

from __future__ import annotations

urlpatterns: list[object] = []
