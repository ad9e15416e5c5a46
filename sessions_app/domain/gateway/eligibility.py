"""Which deployments may serve a call: able, large enough, well, where the data may go, near enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sessions_app.domain.gateway.deployments import Candidate, Reach

CAPABILITIES = {
    "tools": ("takes_tools", "tools"),
    "image_urls": ("fetches_images", "images by address"),
    "inline_images": ("takes_inline_images", "images inside of the message"),
    "json_schema": ("takes_json_schema", "answers by a JSON schema"),
}
"""What a call may need: what of a deployment says whether it can, and words for it."""
FROM_INSIDE = "It would fetch images by address from inside of a private network; send them as data URLs"


class Why(StrEnum):
    """Why a deployment is left out. The first five are about the call, the others about the deployment."""

    ENDPOINT = "endpoint"
    CAPABILITY = "capability"
    WINDOW = "window"
    RESIDENCY = "residency"
    LATENCY = "latency"
    NOT_USABLE = "not_usable"
    BREAKER = "breaker"
    COOLING = "cooling"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteAsk:
    """What a call needs. `needs` names capabilities (of CAPABILITIES) with the parameter that needs each.

    `output_tokens` is what is expected, for its grams and price; `least_output_tokens` must fit beside the input
    (the caller's own max_tokens where stated). `residency` names countries; None is any.
    `latency_km` None is no bound. `problem_of` says what of the call a kind of provider cannot do, empty if nothing.
    """

    call_id: str
    origin: str
    input_tokens: int
    output_tokens: int
    least_output_tokens: int = 1
    is_embeddings: bool = False
    needs: Mapping[str, str] = field(default_factory=dict)
    residency: Sequence[str] | None = None
    latency_km: float | None = None
    sticky_deployment_id: int | None = None
    problem_of: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A deployment that may not serve. `param` is the parameter of the call at fault; `until` is when it may again."""

    name: str
    why: Why
    words: str
    param: str = ""
    until: datetime | None = None


def why_not(each: Candidate, ask: RouteAsk, now: datetime) -> LeftOut | None:
    """What of the call it cannot do, or why it cannot be used now; None if it may serve."""
    return _unable(each, ask) or _unfit(each, ask) or _unwell(each, ask, now)


def _unable(each: Candidate, ask: RouteAsk) -> LeftOut | None:
    deployment = each.deployment
    if not (deployment.serves_embeddings if ask.is_embeddings else deployment.serves_chat):
        what = "embeddings" if ask.is_embeddings else "chat"
        return _left_out(each, Why.ENDPOINT, f"It serves no {what}.", param="model")
    for need, param in ask.needs.items():
        ability, words = CAPABILITIES[need]
        if need == "image_urls" and deployment.is_private and deployment.takes_image_urls:
            return _left_out(each, Why.CAPABILITY, f"{FROM_INSIDE} ({param}).", param=param)
        if not getattr(deployment, ability):
            return _left_out(each, Why.CAPABILITY, f"It does not take {words} ({param}).", param=param)
    problem = ask.problem_of(deployment.provider) if ask.problem_of else ""
    if problem:
        return _left_out(each, Why.CAPABILITY, problem, param=problem.partition(":")[0])
    return None


def _unfit(each: Candidate, ask: RouteAsk) -> LeftOut | None:
    deployment, region = each.deployment, each.region
    room = deployment.most_output_tokens(ask.input_tokens)
    if room < ask.least_output_tokens and not ask.is_embeddings:
        if deployment.max_output_tokens < ask.least_output_tokens:
            words = f"It gives at most {deployment.max_output_tokens} tokens of output."
            return _left_out(each, Why.WINDOW, words, param="max_tokens")
        return _left_out(each, Why.WINDOW, _too_long(each, ask), param="messages")
    if ask.is_embeddings and ask.input_tokens > deployment.context_window_tokens:
        return _left_out(each, Why.WINDOW, _too_long(each, ask), param="input")
    if region is None:
        return None
    if ask.residency is not None and region.country not in ask.residency:
        words = f"It is in {region.country}; the data may not leave {', '.join(ask.residency)}."
        return _left_out(each, Why.RESIDENCY, words)
    return None


def _unwell(each: Candidate, ask: RouteAsk, now: datetime) -> LeftOut | None:
    deployment, health = each.deployment, each.health
    if deployment.problem or each.region is None:
        return _left_out(each, Why.NOT_USABLE, _unusable(each))
    until = health.closed_to_calls_until(now)
    if until is None:
        return None
    if until == health.cool_until:
        return _left_out(each, Why.COOLING, f"The provider asked to wait until {until:%H:%M:%S} UTC.", until=until)
    words = f"Its breaker is {health.state.value.replace('_', '-')} until {until:%H:%M:%S} UTC."
    return _left_out(each, Why.BREAKER, words, until=until)


def _unusable(each: Candidate) -> str:
    """For callers: where its secret should be is for administrators, who read it in `problem`."""
    if not each.deployment.is_active:
        return "It is switched off."
    if each.region is None:
        return f"Its region {each.deployment.region} is not in use."
    return "It is not ready to be used; its page in the administration says why."


def _too_long(each: Candidate, ask: RouteAsk) -> str:
    window = each.deployment.context_window_tokens
    wanted = "" if ask.is_embeddings else f" and {ask.least_output_tokens} of output"
    return f"Its window holds {window} tokens; the call has {ask.input_tokens} of input{wanted}."


def _left_out(each: Candidate, why: Why, words: str, *, param: str = "", until: datetime | None = None) -> LeftOut:
    return LeftOut(name=each.deployment.name, why=why, words=words, param=param, until=until)


def within_reach(able: Sequence[Candidate], ask: RouteAsk, reach: Reach) -> tuple[list[Candidate], list[LeftOut]]:
    """Those near enough for the latency class; where none is, the nearest are the best that can be done."""
    if ask.latency_km is None or not able:
        return list(able), []
    away = {each.deployment.id: reach.km(ask.origin, each.region) if each.region else None for each in able}
    bound_km = ask.latency_km
    if not any(km is None or km <= bound_km for km in away.values()):
        bound_km = min(km for km in away.values() if km is not None)
    near, too_far = [], []
    for each in able:
        km = away[each.deployment.id]
        if km is None or km <= bound_km:
            near.append(each)
        else:
            words = f"It is {km:,.0f} km away, too far for the latency class ({bound_km:,.0f} km)."
            too_far.append(_left_out(each, Why.LATENCY, words))
    return near, too_far
