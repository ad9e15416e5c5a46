"""The Celery application. Loaded with Django, so that shared tasks use its broker."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("commonwatt")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
