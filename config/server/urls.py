"""Health of the process. HealthMiddleware answers these ahead of everything else."""

from __future__ import annotations

from django.urls import path

from config.server import views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]
