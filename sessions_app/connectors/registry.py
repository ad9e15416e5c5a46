"""Which adapter serves which kind of provider. A new kind is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings

from sessions_app.connectors.anthropic import Anthropic
from sessions_app.connectors.contract import Provider
from sessions_app.connectors.echo import Echo
from sessions_app.connectors.gemini import Gemini
from sessions_app.connectors.guarding import Rules
from sessions_app.connectors.local import Local
from sessions_app.connectors.openai_compatible import OpenAICompatible

_ADAPTERS: dict[str, Callable[[Rules], Provider]] = {
    "openai": OpenAICompatible,
    "anthropic": Anthropic,
    "gemini": Gemini,
    "local": Local,
    "echo": lambda _rules: Echo(),
}


def provider_of(kind: str) -> Provider:
    """The adapter of a kind of provider, as `Deployment.provider` names it. Raises KeyError for another one.

    `problem_of` of each gives words that begin with the name of a parameter and a colon.
    """
    return _adapter(kind, settings.ENVIRONMENT.is_production, tuple(settings.UPSTREAM_PRIVATE_HOSTS))


@lru_cache(maxsize=32)
def _adapter(kind: str, must_be_https: bool, private_hosts: tuple[str, ...]) -> Provider:
    return _ADAPTERS[kind](Rules(must_be_https=must_be_https, private_hosts=frozenset(private_hosts)))
