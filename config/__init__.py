"""Wiring of the deployment. No app imports it, but for `config.kernel`."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
