"""Archives: kept whole, read back, found by words."""

from __future__ import annotations

import zlib

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.errors import Conflict
from sessions_app.models import Archive
from sessions_app.selectors.archives import get_archive, list_archives, read_body
from sessions_app.services import archiving
from sessions_app.services.archiving import keep
from sessions_app.services.reference import load_reference
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import NOW, make_team

pytestmark = pytest.mark.django_db
TEXTS = {
    "plan": "Pump station 7 fails at 12.5 bar. See src/pumps/app.py and https://example.org/x",
    "draft": "The pump was repaired, the station stands by (draft)",
    "umlaut": "Über den Fluß führt ein Steg; l'eau monte; पानी बढ़ रहा है",
    "percent": "100% of the_names are e-mail",
}


@pytest.fixture
def session():
    load_reference(now=NOW)
    return session_of(open_desk(make_team()))


def kept(session, title, text, **changes):
    told = {"kind": Archive.Kind.ITEM, "tokens": 5, "agent": "ann", "now": NOW, **changes}
    return keep(session, title=title, body=text, text=text, **told)


@pytest.fixture
def library(session):
    for title, text in TEXTS.items():
        kept(session, title, text)
    return session


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("pump", {"plan", "draft"}),
        ("PUMP station", {"plan", "draft"}),
        ('"pump station"', {"plan"}),
        ("pump -draft", {"plan"}),
        ("pum", set()),
        ("app.py", {"plan"}),
        ("src/pumps", {"plan"}),
        ("12.5", {"plan"}),
        ("example.org", {"plan"}),
        ("Fluß", {"umlaut"}),
        ("ÜBER", {"umlaut"}),
        ("पानी", {"umlaut"}),
        ("umlaut", {"umlaut"}),
        ("e-mail", {"percent"}),
        ("100%", {"percent"}),
        ("the_names", {"percent"}),
        ("-draft", set()),
        ("!?", set()),
        ("' OR 1=1 --", set()),
        ("pump:*", {"plan", "draft"}),
        ("", set(TEXTS)),
    ],
)
def test_a_search_finds_whole_words_in_any_script(library, query, titles):
    assert {row.title for row in list_archives(library.pk, query=query)} == titles


def test_a_search_stays_within_its_session_kind_and_agent(library):
    kept(library, "turn", "pump", kind=Archive.Kind.TURN, agent="bob")
    other = session_of(open_desk(make_team("Other")))
    kept(other, "other", "pump")
    assert {row.title for row in list_archives(library.pk, query="pump", kind="turn")} == {"turn"}
    assert {row.title for row in list_archives(library.pk, query="pump", agent="bob")} == {"turn"}
    assert {row.title for row in list_archives(other.pk, query="pump")} == {"other"}


def test_archives_are_listed_newest_first_in_pages_with_one_query(library):
    with CaptureQueriesContext(connection) as queries:
        first = list_archives(library.pk, limit=3)
    assert len(queries) == 1
    assert [row.title for row in first] == ["percent", "umlaut", "draft"]
    assert [row.title for row in list_archives(library.pk, limit=3, before=first[-1].id)] == ["plan"]


def test_an_archive_is_read_back_from_the_database_before_it_counts_as_kept(session, monkeypatch):
    compress = zlib.compress
    monkeypatch.setattr(archiving.zlib, "compress", lambda raw, level: compress(raw[:-1], level))
    with pytest.raises(Conflict) as refused:
        kept(session, "plan", TEXTS["plan"])
    assert refused.value.code == "archive_damaged"


@pytest.mark.parametrize("body", [b"no zlib", zlib.compress(b"another text"), zlib.compress(b"x" * 99)[:-3]])
def test_damage_is_found_when_a_body_is_read(session, body):
    archive = kept(session, "plan", TEXTS["plan"])
    assert get_archive(session.pk, archive.pk)[1] == TEXTS["plan"]
    Archive.objects.filter(pk=archive.pk).update(body=body)
    with pytest.raises(Conflict) as refused:
        read_body(Archive.objects.get(pk=archive.pk))
    assert refused.value.facts["archive_id"] == archive.pk


def test_a_text_of_any_length_can_be_archived_and_searched(session):
    text = " ".join(f"word{n}" for n in range(200_000))
    archive = kept(session, "t" * 500, text)
    assert [row.id for row in list_archives(session.pk, query="word7")] == [archive.pk]
    assert read_body(Archive.objects.get()) == text
