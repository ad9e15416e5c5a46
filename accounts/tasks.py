"""Housekeeping of what was answered."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.utils import timezone

from accounts.services import idempotency


@shared_task
def forget_old_answers(**_future: Any) -> None:
    """Drop answers to Idempotency-Keys that are older than the promise to keep them."""
    idempotency.forget_old_answers(now=timezone.now())
