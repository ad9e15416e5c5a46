"""Deployments in the order in which a call would try them, and their breakers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from dashboard.domain.figures import UNKNOWN, ago, mass_text, two_digits
from dashboard.domain.intensity import basis_family, basis_word, bucket_of
from dashboard.presentation.gateway.calls import ms
from sessions_app.domain.gateway.deployments import Candidate, RegionFigures, Snapshot
from sessions_app.domain.gateway.routing import RouteAsk, rank
from sessions_app.selectors.gateway.board import BreakerLine

Row = dict[str, Any]
INPUT_TOKENS, OUTPUT_TOKENS = 500, 500
"""The call that the order is shown for: a thousand tokens, half of them an answer."""
_TONES = {"closed": "good", "half_open": "warn", "open": "bad"}
_WORDS = {"closed": "closed", "half_open": "half-open", "open": "open"}


def weight_words(snapshot: Snapshot) -> str:
    """How the policy weighs what deployments are put in order by."""
    routing = snapshot.terms.routing
    parts = (("carbon", routing.carbon_percent), ("price", routing.price_percent), ("latency", routing.latency_percent))
    return ", ".join(f"{name} {percent} %" for name, percent in parts if percent)


def name_rows(snapshot: Snapshot, *, shows_problems: bool, now: datetime) -> list[Row]:
    """Each public name with its deployments, those that would serve a call first and in order; equal ones share a
    place. What is wrong with a deployment's settings is for those who look after them (`shows_problems`).

    Aliases are told beside the name that they stand for, unless they gather deployments of several names.
    """
    told: set[tuple[int, ...]] = set()
    rows = []
    for name in sorted(snapshot.served_names(), key=lambda each: _is_alias(snapshot, each)):
        found = tuple(sorted(each.deployment.id for each in snapshot.candidates(name)))
        if found not in told:
            told.add(found)
            rows.append(_name_row(snapshot, name, shows_problems=shows_problems, now=now))
    return sorted(rows, key=lambda row: str(row["name"]))


def _is_alias(snapshot: Snapshot, name: str) -> bool:
    return all(each.deployment.served_name != name for each in snapshot.candidates(name))


def _name_row(snapshot: Snapshot, name: str, *, shows_problems: bool, now: datetime) -> Row:
    candidates = snapshot.candidates(name)
    aliases = sorted({alias for each in candidates for alias in each.deployment.public_names} - {name})
    classes = sorted({each.deployment.model_class for each in candidates})
    return {
        "name": name,
        "told": " · ".join([f"class {' and '.join(classes)}", *(f"also {alias}" for alias in aliases)]),
        "is_echo": all(each.deployment.is_echo for each in candidates),
        "deployments": _deployment_rows(snapshot, candidates, shows_problems=shows_problems, now=now),
    }


def _deployment_rows(
    snapshot: Snapshot, candidates: Sequence[Candidate], *, shows_problems: bool, now: datetime
) -> list[Row]:
    is_embeddings = not any(each.deployment.serves_chat for each in candidates)
    ask = RouteAsk(
        call_id="page",
        origin="",
        input_tokens=INPUT_TOKENS,
        output_tokens=0 if is_embeddings else OUTPUT_TOKENS,
        is_embeddings=is_embeddings,
    )
    ranking = rank(candidates, ask, routing=snapshot.terms.routing, reach=snapshot.reach, now=now)
    places = ranking.places
    problems = {each.name: each.words for each in ranking.left_out}
    if shows_problems:
        problems |= {each.deployment.name: each.deployment.problem for each in candidates if each.deployment.problem}
    rows = [_deployment_row(each, ask, places.get(each.deployment.name), problems) for each in candidates]
    return sorted(rows, key=lambda row: (row["place"] is None, row["place"] or 0, row["name"]))


def _deployment_row(each: Candidate, ask: RouteAsk, place: int | None, problems: dict[str, str]) -> Row:
    deployment, health = each.deployment, each.health
    return {
        "place": place,
        "name": deployment.name,
        "provider": deployment.provider,
        "problem": problems.get(deployment.name, ""),
        "region": deployment.region,
        "region_url": reverse("region", args=[deployment.region]),
        "first_byte": ms(health.first_byte_ms),
        "breaker": _WORDS[health.state],
        "tone": _TONES[health.state],
        "note": health.last_error.replace("_", " ") if health.state != "closed" else "",
        **_carbon(each.region, deployment.model_class, ask),
    }


def _carbon(region: RegionFigures | None, model_class: str, ask: RouteAsk) -> Row:
    if region is None:
        return {
            "intensity": UNKNOWN,
            "bucket": "bna",
            "basis": "unknown",
            "basis_family": "unknown",
            "grams": UNKNOWN,
        }
    tokens = ask.input_tokens + ask.output_tokens
    grams = region.grams(model_class, input_tokens=ask.input_tokens, output_tokens=ask.output_tokens)
    return {
        "intensity": two_digits(region.intensity_g_per_kwh),
        "bucket": bucket_of(region.intensity_g_per_kwh),
        "basis": basis_word(region.basis),
        "basis_family": basis_family(region.basis),
        "grams": mass_text(1000 * grams / tokens),
    }


def breaker_row(line: BreakerLine, *, now: datetime) -> Row:
    """A breaker that changed its state."""
    return {
        "deployment": line.deployment,
        "was": _WORDS[line.was],
        "became": _WORDS[line.became],
        "tone": _TONES[line.became],
        "reason": line.reason,
        "at": line.at,
        "ago": ago(line.at, now=now),
    }
