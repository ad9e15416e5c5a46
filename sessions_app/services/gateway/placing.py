"""Where a call may go: what it needs of a deployment, and why nobody has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from config.kernel.errors import DomainError, InvalidInput, NotFound, Unavailable
from sessions_app.connectors.registry import provider_of
from sessions_app.domain.gateway.chat_tokens import image_parts
from sessions_app.domain.gateway.deployments import Candidate, Snapshot
from sessions_app.domain.gateway.routing import Ranking, RouteAsk, Why, rank
from sessions_app.domain.gateway.wire import ChatAsk
from sessions_app.selectors.gateway.seats import Seat
from sessions_app.services.gateway.wishes import Wish

OF_THE_CALL = {Why.ENDPOINT, Why.CAPABILITY, Why.WINDOW, Why.RESIDENCY}


def candidates_of(snapshot: Snapshot, wish: Wish) -> list[Candidate]:
    """Deployments of the name that is asked for. Raises NotFound."""
    found = [each for each in snapshot.candidates(wish.ask.model) if each.deployment.is_active]
    if not found:
        raise NotFound(
            f"The model '{wish.ask.model}' does not exist. GET /v1/models lists those that do.",
            field="model",
            code="model_not_found",
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Tokens of a call: its input, the output that is expected in all, and the least that one answer must have."""

    input_tokens: int
    expected_tokens: int
    least_output_tokens: int


def ranked(
    wish: Wish,
    snapshot: Snapshot,
    candidates: Sequence[Candidate],
    *,
    need: Need,
    seat: Seat | None,
    call_id: UUID,
    now: datetime,
) -> Ranking:
    """Deployments in the order in which they are tried. Raises InvalidInput or Unavailable where there is none."""
    ask = wish.ask
    route = RouteAsk(
        call_id=str(call_id),
        origin=wish.origin or wish.principal.country_code,
        input_tokens=need.input_tokens,
        output_tokens=need.expected_tokens,
        least_output_tokens=need.least_output_tokens,
        is_embeddings=not wish.is_chat,
        needs=_needs(ask) if isinstance(ask, ChatAsk) else {},
        residency=wish.residency,
        latency_km=snapshot.latency_km.get(wish.latency_class),
        sticky_deployment_id=seat.sticky_deployment_id if seat else None,
        problem_of=(lambda kind: provider_of(kind).problem_of(ask)) if isinstance(ask, ChatAsk) else None,
    )
    ranking = rank(candidates, route, routing=snapshot.terms.routing, reach=snapshot.reach, now=now)
    if not ranking.ordered:
        raise refusal_of(ranking, now)
    return ranking


def _needs(ask: ChatAsk) -> dict[str, str]:
    needs = {"tools": "tools"} if ask.options.get("tools") else {}
    form: Any = ask.options.get("response_format") or {}
    if form.get("type") == "json_schema":
        needs["json_schema"] = "response_format"
    for image in image_parts(ask.messages):
        is_inline = str(image.get("url", "")).startswith("data:")
        needs["inline_images" if is_inline else "image_urls"] = "messages"
    return needs


def all_rest(words: str, seconds: float) -> Unavailable:
    """What a caller hears where all providers of a model want us to wait: so long at least."""
    return Unavailable(
        f"The provider takes no more calls at the moment ({words}).",
        code="upstream_rate_limited",
        retry_after_seconds=int(seconds) + 1,
    )


def refusal_of(ranking: Ranking, now: datetime) -> DomainError:
    """Why nobody serves it: what is wrong with the call, where that is so for all, else that none can just now."""
    words = " ".join(f"{each.name}: {each.words}" for each in ranking.left_out[:5])
    of_call = [each for each in ranking.left_out if each.why in OF_THE_CALL]
    if len(of_call) == len(ranking.left_out) and of_call:
        first = of_call[0]
        is_window = first.why is Why.WINDOW and first.param in ("messages", "input")
        code = "context_length_exceeded" if is_window else "unsupported_value"
        param = "X-Commonwatt-Residency" if first.why is Why.RESIDENCY else first.param
        return InvalidInput(f"No deployment of this model can serve this call. {words}", field=param or None, code=code)
    seconds = ranking.retry_after_seconds(now)
    waited_for = {each.why for each in ranking.left_out if each.until is not None}
    if seconds and waited_for == {Why.COOLING}:
        return all_rest(words, seconds)
    return Unavailable(
        f"No deployment of this model can be used now. {words}",
        code="no_deployment",
        retry_after_seconds=int(seconds) + 1 if seconds else 30,
    )
