"""One line of log per fact: readable on a terminal, JSON in production, and never a secret in it."""

from __future__ import annotations

import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

SECRET = re.compile(
    r"\bcw_[A-Za-z0-9_-]{8,}|\bwhsec_[A-Za-z0-9+/_=-]{8,}|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]+|(?<=://)[^\s/@]*:[^\s/@]+(?=@)"
)
SECRET_NAMES = frozenset(
    {"authorization", "cookie", "password", "secret", "secret_key", "api_key", "token", "csrftoken", "sessionid"}
)
MASK = "***"


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask keys, bearer tokens and passwords in URLs wherever in the event they are, tracebacks included."""
    return {name: MASK if name.lower() in SECRET_NAMES else _masked(value) for name, value in event.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return SECRET.sub(MASK, value)
    if isinstance(value, dict):
        return hide_secrets(None, "", value)
    if isinstance(value, list | tuple):
        return type(value)(_masked(each) for each in value) if type(value) in (list, tuple) else value
    return value


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def logging_settings(*, level: str, as_json: bool) -> dict[str, Any]:
    """Django's LOGGING: everything, whoever says it, goes through one formatter to stderr."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(as_json)],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Each request is logged once, with its status, by django-structlog.
            "django.request": {"level": "CRITICAL"},
            "django.server": {"level": "WARNING"},
            "uvicorn.error": {"level": "WARNING"},
            # Celery and its scheduler tell every due task and every receipt; failures are warnings.
            "celery": {"level": "WARNING"},
            "django_celery_beat": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
            # It tells each address that is asked, and some providers want their key in the address.
            "urllib3": {"level": "WARNING"},
        },
    }


def _rendering(as_json: bool) -> list[Processor]:
    if as_json:
        return [structlog.processors.format_exc_info, hide_secrets, structlog.processors.JSONRenderer(default=str)]
    plain = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )
    return [structlog.processors.format_exc_info, hide_secrets, plain]
