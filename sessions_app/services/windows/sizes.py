"""What a window holds: the sum of its components. The session is locked, the instance read after that."""

from __future__ import annotations

from collections.abc import Mapping

from config.kernel.errors import InvalidInput
from sessions_app.domain.windows import Window
from sessions_app.domain.words import Component
from sessions_app.models import Instance

MOST_CONTEXT_TOKENS = 2**31 - 1
"""What the column holds."""


def window_of(instance: Instance) -> Window:
    """The window of an instance as it is."""
    return Window(size=instance.window_tokens, output=instance.max_output_tokens, context=instance.context_tokens)


def components_of(instance: Instance) -> dict[str, int]:
    """Tokens of every component."""
    return {each.value: instance.component_tokens.get(each.value, 0) for each in Component}


def moved(instance: Instance, component: str, delta_tokens: int) -> int:
    """Add tokens to a component, or take some away (never below none); save and return the context tokens."""
    move(instance, component, delta_tokens)
    return set_components(instance, {})


def move(instance: Instance, component: str, delta_tokens: int) -> int:
    """The same without saving."""
    held = instance.component_tokens.get(component, 0)
    return size(instance, {component: max(0, held + delta_tokens)})


def set_components(instance: Instance, tokens: Mapping[str, int]) -> int:
    """Let some components hold exactly these tokens; save and return the context tokens.

    Saves when the agent was last seen as well.
    """
    context = size(instance, tokens)
    instance.save(update_fields=["component_tokens", "context_tokens", "last_seen_at"])
    return context


def size(instance: Instance, tokens: Mapping[str, int]) -> int:
    """What `set_components` does, without saving. Raises InvalidInput naming `tokens`."""
    components = components_of(instance) | dict(tokens)
    context = sum(components.values())
    if context > MOST_CONTEXT_TOKENS:
        raise InvalidInput("No window holds so many tokens.", field="tokens", code="too_large")
    instance.component_tokens, instance.context_tokens = components, context
    return context
