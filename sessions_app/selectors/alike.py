"""Past sessions that are like one, and what a new one may need, judged by them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db import connection
from django.db.models import QuerySet

from budgets import selectors as budgets
from sessions_app.domain.similar import Match, Precedent, corrected, most_alike, term_counts
from sessions_app.domain.vectors import Why, fused, likeness_of
from sessions_app.models import Checkpoint, Fact, Session, SessionLikeness, StateItem
from sessions_app.selectors.policies import terms_of
from sessions_app.selectors.vectors import VectorsRow, get_vectors, list_near

MOST_READ = 2000
"""So many sessions are compared: where there are more, those that full-text search ranks first, or the newest."""
MOST_RANKED = 100
"""So many that words find are ranked among those that vectors find."""
LEAST_SCORE = 0.05
MOST_CHARACTERS = 20_000
MOST_FACTS_READ = 200
TOLD_ITEMS = ("/focus", "/conversation")
EXPECTED, TO_HOLD = 0.5, 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikeRow:
    """A session that is like another: `score` is 0 to 1. Only one that is over took all it takes.

    `found_by` has `words`, `vector` or both; `terms` say which words, `cosine` is that of the vectors, None without.
    The score is the larger of what words and vector say.
    """

    session_id: UUID
    name: str
    purpose: str
    mode: str
    is_over: bool
    tokens_used: int
    seconds: int
    score: float
    terms: tuple[str, ...]
    found_by: tuple[str, ...]
    cosine: float | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Sessions that are like another, best first, and what part vectors had in finding them."""

    rows: list[AlikeRow]
    vectors: VectorsRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Sessions near another by the cosines of their vectors, nearest first, and up to which cosine they are unlike."""

    cosines: Mapping[UUID, float] = field(default_factory=dict)
    least: float = 0.0

    def likeness(self, session_id: UUID) -> float:
        """0 to 1."""
        cosine = self.cosines.get(session_id)
        return 0.0 if cosine is None else likeness_of(cosine, least=self.least)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForesightRow:
    """Tokens that a new session may spend: `expected_tokens` as likely less as more, `hold_tokens` to hold.

    `basis` is `mode` (what the shape of the work says) or `similar_sessions` (that, corrected by what sessions
    like it took, which count for `weight`, 0 to 1).
    """

    expected_tokens: int
    hold_tokens: int
    low_tokens: int
    high_tokens: int
    prior_expected_tokens: int
    prior_hold_tokens: int
    basis: str
    weight: float
    precedents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is known of a new session before it begins."""

    mode: str = Session.Mode.EXPRESS
    role_count: int = 1
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Alike):
    """The same, with the tokens that the session may spend, judged by those that are over."""

    estimate: ForesightRow


def list_alike(
    counts: Mapping[str, int],
    *,
    team_ids: Collection[int] | None,
    most: int,
    but: UUID | None = None,
    near: Near | None = None,
) -> list[AlikeRow]:
    """Sessions of these teams (None: of all) whose words are most like `counts`, or that are `near`, best first,
    without one of them. What words find and what vectors find is fused by its places in both rankings."""
    near = near or Near()
    rows = SessionLikeness.objects.all()
    if team_ids is not None:
        rows = rows.filter(team__in=team_ids)
    if but is not None:
        rows = rows.exclude(session_id=but)
    texts = dict(_candidates(rows, counts))
    matches = {each.name: each for each in most_alike(counts, texts, most=MOST_RANKED, least_score=LEAST_SCORE)}
    ranked = fused(list(matches), [each for each in near.cosines if near.likeness(each) > LEAST_SCORE])[:most]
    found = {row.pk: row for row in rows.filter(pk__in=ranked).select_related("session").defer("text", "term_counts")}
    return [_row(found[name], matches.get(name), near) for name in ranked if name in found]


def find_alike(session: Session, *, team_ids: Collection[int] | None) -> Alike:
    """Past sessions like one as it stands now, as many as its policy says, by words and, if it has one, its vector."""
    vectors, near, terms = get_vectors(session), Near(), terms_of(session)
    if vectors.are_used:
        least = terms.similar.least_cosine_percent / 100
        near = Near(cosines=list_near(session, team_ids=team_ids), least=least)
    counts, most = term_counts(text_of(session)), terms.memory.similar_sessions
    rows = list_alike(counts, team_ids=team_ids, most=most, but=session.pk, near=near)
    return Alike(rows=rows, vectors=vectors)


def compare(session_id: UUID, *, team_ids: Collection[int] | None) -> Comparison:
    """Past sessions of these teams (None: of all) like one that exists, and what they say of its tokens."""
    session = Session.objects.select_related("policy").get(pk=session_id)
    alike = find_alike(session, team_ids=team_ids)
    shape = Shape(mode=session.mode, role_count=max(1, session.task.get("agents", 1)), purpose=session.purpose)
    return Comparison(rows=alike.rows, vectors=alike.vectors, estimate=foresee_tokens(shape, alike.rows))


def compare_text(text: str, shape: Shape, *, team_ids: Collection[int] | None, most: int) -> Comparison:
    """The same of what somebody plans, by words only: nobody would pay for a vector of it."""
    rows = list_alike(term_counts(text), team_ids=team_ids, most=most)
    vectors = VectorsRow(model="", why_not=Why.TEXT_ONLY)
    return Comparison(rows=rows, vectors=vectors, estimate=foresee_tokens(shape, rows))


def list_alike_of(session: Session, *, team_ids: Collection[int] | None) -> list[AlikeRow]:
    """The rows of `find_alike`."""
    return find_alike(session, team_ids=team_ids).rows


def text_of(session: Session) -> str:
    """The words that a session is found by: name, purpose, focus and conversation, facts, last summary."""
    return "\n".join(_lines(session))[:MOST_CHARACTERS]


def _lines(session: Session) -> Iterator[str]:
    yield session.name
    yield session.name  # twice: it says most
    yield session.purpose.replace("_", " ")
    items = StateItem.objects.filter(session=session, key__in=TOLD_ITEMS).values_list("value", "body")
    yield from (value or body or "" for value, body in items)
    facts = Fact.objects.filter(session=session, superseded_by=None).order_by("-is_pinned", "-number")
    yield from facts.values_list("text", flat=True)[:MOST_FACTS_READ]
    yield Checkpoint.objects.filter(session=session).order_by("-seq").values_list("summary", flat=True).first() or ""


def foresee_tokens(shape: Shape, alike: Collection[AlikeRow]) -> ForesightRow:
    """What a session of this shape may spend, corrected by those like it that are over and took something."""
    mode = Session.Mode.COUNCIL if shape.mode == Session.Mode.COUNCIL else Session.Mode.EXPRESS
    prior = budgets.get_estimate(
        mode=mode, role_count=shape.role_count, complexity=None, model_class="", purpose=shape.purpose
    )
    # One that is over and took nothing was not worked in, or told nobody: it says nothing of what work takes.
    told = [each for each in alike if each.is_over and each.tokens_used]
    precedents = [Precedent(score=each.score, tokens=each.tokens_used) for each in told]
    expected = corrected(prior.p50_tokens, precedents, quantile=EXPECTED)
    hold = corrected(prior.p95_tokens, precedents, quantile=TO_HOLD)
    return ForesightRow(
        expected_tokens=expected.tokens,
        hold_tokens=max(hold.tokens, expected.tokens),
        low_tokens=expected.low,
        high_tokens=max(hold.high, expected.high),
        prior_expected_tokens=prior.p50_tokens,
        prior_hold_tokens=prior.p95_tokens,
        basis="similar_sessions" if precedents else "mode",
        weight=expected.weight,
        precedents=len(precedents),
    )


def _candidates(rows: QuerySet[SessionLikeness], counts: Mapping[str, int]) -> list[tuple[UUID, dict[str, int]]]:
    rows = rows.order_by("-at")
    if connection.vendor == "postgresql" and counts and rows[MOST_READ:].exists():
        words = " | ".join(f"'{word}':*" for word in list(counts)[:50] if word.isalnum())
        query = SearchQuery(words, search_type="raw", config="simple")
        vector = SearchVector("text", config="simple")
        rows = rows.annotate(rank=SearchRank(vector, query)).order_by("-rank", "-at") if words else rows
    return list(rows.values_list("session_id", "term_counts")[:MOST_READ])


def _row(row: SessionLikeness, match: Match[UUID] | None, near: Near) -> AlikeRow:
    session, likeness, cosine = row.session, near.likeness(row.pk), near.cosines.get(row.pk)
    by_vector = likeness > LEAST_SCORE
    return AlikeRow(
        session_id=session.pk,
        name=session.name,
        purpose=session.purpose,
        mode=session.mode,
        is_over=session.status == Session.Status.ENDED,
        tokens_used=row.tokens_used,
        seconds=row.seconds,
        score=round(max(match.score if match else 0.0, likeness), 4),
        terms=match.terms if match else (),
        found_by=(*(("words",) if match else ()), *(("vector",) if by_vector else ())),
        cosine=None if cosine is None else round(cosine, 4),
        at=row.at,
    )
