"""Vectors of what sessions are about: whether a session has one, and whose are near it.

The search is exact: PostgreSQL compares all of the teams' vectors; 5,000 of 1,536 dimensions take some 70 ms. An index
of pgvector would want one number of dimensions for all models.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from config.kernel.raw import is_postgresql, run
from sessions_app.domain.vectors import Why, told
from sessions_app.models import Session, SessionLikeness, SessionVector
from sessions_app.selectors.policies import terms_of

TABLE = SessionVector._meta.db_table
MOST_NEAR = 100
_HAS_COLUMN = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'vector' AND NOT attisdropped"
_NEAR = f"""
SELECT other.session_id, 1 - (other.vector <=> own.vector) AS cosine
FROM {TABLE} own
JOIN {TABLE} other ON other.model = own.model AND other.dimensions = own.dimensions
JOIN {SessionLikeness._meta.db_table} likeness ON likeness.session_id = other.session_id
WHERE own.session_id = %s AND own.status = 'made' AND other.status = 'made' AND other.session_id <> own.session_id
"""  # noqa: S608  # our own names
_OF_TEAMS = "AND likeness.team_id = ANY(%s) "
_BEST_FIRST = "ORDER BY cosine DESC, other.session_id LIMIT %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorsRow:
    """What part vectors had in an answer: of which model, and if none, why (`Why`, or the code of a refusal)."""

    model: str
    why_not: str

    @property
    def are_used(self) -> bool:
        """Whether vectors were compared."""
        return self.why_not == Why.USED

    @property
    def words(self) -> str:
        """The same in a sentence."""
        return told(self.why_not)


def keeps_vectors() -> bool:
    """Whether this database has the column of vectors."""
    return is_postgresql() and bool(run(_HAS_COLUMN, [TABLE]))


def get_vectors(session: Session) -> VectorsRow:
    """What part vectors may have in finding sessions that are like this one."""
    model = terms_of(session).similar.embedding_model
    if not model:
        return VectorsRow(model="", why_not=Why.NO_MODEL)
    if not keeps_vectors():
        return VectorsRow(model=model, why_not=Why.NO_PGVECTOR)
    row = SessionVector.objects.filter(session=session).first()
    if row is None:
        return VectorsRow(model=model, why_not=Why.NOT_ASKED)
    if row.status == SessionVector.Status.MADE:
        return VectorsRow(model=row.model, why_not=Why.USED)
    is_waiting = row.status == SessionVector.Status.WAITING
    return VectorsRow(model=row.model, why_not=Why.WAITING if is_waiting else row.problem)


def list_near(session: Session, *, team_ids: Collection[int] | None) -> dict[UUID, float]:
    """Cosines of the vectors nearest to a session's, of these teams (None: of all) and the same model, nearest first.

    Empty where the session has no vector. The caller has seen that the database keeps them.
    """
    teams, values = ("", []) if team_ids is None else (_OF_TEAMS, [sorted(team_ids)])
    return dict(run(_NEAR + teams + _BEST_FIRST, [session.pk, *values, MOST_NEAR]))
