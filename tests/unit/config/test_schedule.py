from __future__ import annotations

from importlib import import_module

import pytest
from celery import Task
from django.conf import settings


@pytest.mark.parametrize("name", sorted(settings.CELERY_BEAT_SCHEDULE))
def test_what_is_scheduled_is_a_task_that_exists(name):
    entry = settings.CELERY_BEAT_SCHEDULE[name]
    module, _, task = entry["task"].rpartition(".")
    assert isinstance(getattr(import_module(module), task), Task)
    assert entry["schedule"] > 0
