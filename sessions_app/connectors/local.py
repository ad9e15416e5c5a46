"""Ollama and vLLM, which speak OpenAI's language on a machine of one's own: mostly without a key, and by http.

What Ollama passes over in silence is refused here by name. (https://docs.ollama.com/api/openai-compatibility, read
November 2026, and github.com/ollama/ollama/issues/17921 for `tool_choice`.) A vLLM that shall serve it is registered
as OpenAI-compatible.
"""

from __future__ import annotations

from typing import Any

from sessions_app.connectors.openai_compatible import OpenAICompatible
from sessions_app.domain.gateway.reading import refused_option
from sessions_app.domain.gateway.wire import ChatAsk, Target

TAKEN = frozenset(
    {
        "temperature",
        "top_p",
        "stop",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "logprobs",
        "top_logprobs",
        "tools",
        "tool_choice",
        "response_format",
        "reasoning_effort",
    }
)
_WHO = "a local deployment"


class Local(OpenAICompatible):
    """As OpenAI-compatible, but for what Ollama does not know."""

    def problem_of(self, ask: ChatAsk) -> str:
        """What of an ask Ollama would overlook, such as several answers at once, or a demand for a tool."""
        if problem := refused_option(ask, TAKEN, _WHO):
            return problem
        demanded = ask.options.get("tool_choice") not in (None, "auto", "none")
        return f"tool_choice: {_WHO} takes auto or none." if demanded else ""

    def _body(self, target: Target, ask: ChatAsk, max_output_tokens: int) -> dict[str, Any]:
        """Ollama calls tools that it knows of, also where it is told not to: then it hears of none."""
        body = super()._body(target, ask, max_output_tokens)
        left_out = ("tools", "tool_choice") if body.get("tool_choice") == "none" else ("tool_choice",)
        return {name: value for name, value in body.items() if name not in left_out}
