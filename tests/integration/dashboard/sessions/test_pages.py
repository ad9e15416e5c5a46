"""Pages of sessions, as those see them who work in one, who look on and who look after all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from uuid import UUID

import pytest
import pytest_django
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.domain.scopes import Role
from accounts.models import User
from accounts.services.organisations import add_member, create_administrator
from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import Archive, Checkpoint, Handoff, Instance, Round, Session
from sessions_app.selectors.state import get_state, get_state_at
from sessions_app.services.lives import SessionAsk, end_session, open_session
from sessions_app.services.log import locked
from sessions_app.services.memory.likeness import refresh_likeness
from sessions_app.services.windows.items import ItemAsk, load_items, unload_item
from tests.integration.dashboard.conftest import make_person
from tests.integration.dashboard.conftest import make_team as make_other_team
from tests.integration.dashboard.test_pages import text_of

PAGES = ("", "state/", "memory/", "report/", "similar/")


@dataclass(frozen=True)
class Played:
    """What the demonstration printed, and the session that it played."""

    said: str
    session_id: UUID
    team_id: int

    def url(self, page: str = "") -> str:
        return f"/sessions/{self.session_id}/{page}"


@pytest.fixture(scope="module")
def played(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[Played]:
    """Demo agents have worked and handed over. Rolled back at the end of the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        cache.clear()
        told = StringIO()
        call_command("demo_session", stdout=told)
        session = Session.objects.get()
        yield Played(told.getvalue(), session.pk, session.team_id)
        transaction.set_rollback(True)


@pytest.fixture
def member(played: Played, client: Client, db: None) -> Client:
    """A person of the team, logged in."""
    user = User.objects.create_user(username="member", password="a long enough password")
    add_member(user_id=user.pk, team_id=played.team_id, role=Role.MEMBER)
    client.force_login(user)
    return client


@pytest.fixture
def viewer(played: Played, client: Client, db: None) -> Client:
    """A person of the team who only reads, logged in."""
    user = User.objects.create_user(username="viewer", password="a long enough password")
    add_member(user_id=user.pk, team_id=played.team_id, role=Role.VIEWER)
    client.force_login(user)
    return client


def test_the_demonstration_prints_how_full_the_windows_of_the_successors_are(played):
    assert "Flood desk (demonstration)" in played.said
    assert "coordinator: epoch 2" in played.said


def test_the_list_tells_windows_events_and_tokens(played, member):
    page = text_of(member.get("/sessions/"))
    session = Session.objects.get(pk=played.session_id)
    for words in ("Flood desk (demonstration)", "hydrologist", f"{session.tokens_used:,}", "Heard of last"):
        assert words in page


@pytest.mark.parametrize("part", PAGES)
def test_visitors_see_no_session_whatever_they_may_see_else(played, client, db, settings, part):
    settings.VISITORS_MAY_SEE = "everything"
    assert client.get(played.url(part)).status_code == 404
    listed = text_of(client.get("/sessions/"))
    assert "Flood desk" not in listed
    assert "Sessions are their teams’ own." in listed


@pytest.mark.parametrize("part", PAGES)
def test_a_person_of_another_team_does_not_find_it(played, client, db, part):
    client.force_login(make_person("stranger", make_other_team("Others", "Other team")))
    assert client.get(played.url(part)).status_code == 404
    assert "Flood desk" not in text_of(client.get("/sessions/"))


def test_staff_see_sessions_of_all_teams(played, client, db):
    client.force_login(User.objects.get(pk=create_administrator(username="staff", password="a long enough password")))
    assert "Flood desk" in text_of(client.get("/sessions/"))
    assert client.get(played.url()).status_code == 200


def test_windows_are_told_by_component_with_their_rungs_and_forecast(played, member):
    page = text_of(member.get(played.url()))
    for words in ("Working memory", "warn at 75 %", "All together (the first 2)", "Handoff 1", "complete"):
        assert words in page


def test_the_state_is_shown_as_it_was_after_any_event(played, member):
    first = text_of(member.get(played.url("state/?at=1")))
    now = text_of(member.get(played.url("state/")))
    assert "Which districts need boats before tonight" in first
    assert "Wards 3 and 5 of Sylhet first" in now
    assert "Wards 3 and 5 of Sylhet first" not in first
    assert "Handoff completed" in now


@pytest.mark.parametrize("at", ["999999", "-1", "x", "9" * 30])
def test_an_event_that_never_was_shows_the_state_as_it_is(played, member, at):
    page = member.get(played.url("state/"), {"at": at})
    assert page.status_code == 200
    assert "Wards 3 and 5 of Sylhet first" in text_of(page)


def test_facts_rounds_and_the_archive_are_found(played, member):
    page = text_of(member.get(played.url("memory/")))
    for words in ("No boat leaves after 19:40 UTC", "dissent", "Do we send all twelve boats", "gauges/sylhet.csv"):
        assert words in page
    found = text_of(member.get(played.url("memory/"), {"q": "Cherrapunji"}))
    assert "gauges/sylhet.csv" in found
    assert "Nothing there has these words." in text_of(member.get(played.url("memory/"), {"q": "nowhereatall"}))


def test_an_archive_is_shown_whole_and_a_damaged_one_says_so(played, member):
    archive = Archive.objects.filter(kind="item").first()
    assert archive is not None
    assert "verified just now" in text_of(member.get(played.url(f"archive/{archive.pk}/")))
    Archive.objects.filter(pk=archive.pk).update(sha256=bytes(32))
    page = text_of(member.get(played.url(f"archive/{archive.pk}/")))
    assert "does not agree with its hash" in page
    assert member.get(played.url("archive/999999/")).status_code == 404
    assert member.get(played.url(f"archive/{10**30}/")).status_code == 404


def test_what_left_a_window_again_can_be_put_back_again(played, member):
    agent = Instance.objects.filter(session=played.session_id, status="active").earliest("agent")
    told = {"session_id": played.session_id, "team_id": played.team_id, "agent": agent.agent, "epoch": agent.epoch}
    told |= {"actor": "test", "now": timezone.now()}
    ask = ItemAsk(key="boats.md", component=Component.KNOWLEDGE, kind=ItemKind.FILE, text="Eight boats at the quay.")
    (row,) = load_items(items=[ask], **told)
    archives = set()
    for _ in range(2):
        archive = unload_item(item_id=row.pk, **told).archive
        archives.add(archive.pk)
        url = played.url(f"archive/{archive.pk}/")
        assert "Put it back" in text_of(member.get(url))
        member.post(played.url("restore/"), {"archive": archive.pk})
        row.refresh_from_db()
        assert (row.status, row.text) == ("live", "Eight boats at the quay.")
        assert "Put it back" not in text_of(member.get(url))
    assert len(archives) == 1


def test_what_cannot_be_put_back_has_no_button(played, member):
    """Its place in the window was taken by a newer text."""
    agent = Instance.objects.filter(session=played.session_id, status="active").earliest("agent")
    for text in ("Eight boats.", "Nine boats."):
        load_items(
            session_id=played.session_id,
            team_id=played.team_id,
            agent=agent.agent,
            epoch=agent.epoch,
            items=[ItemAsk(key="count", component=Component.KNOWLEDGE, kind=ItemKind.FILE, text=text)],
            actor="test",
            now=timezone.now(),
        )
    archive = Archive.objects.get(title="count")
    assert "Put it back" not in text_of(member.get(played.url(f"archive/{archive.pk}/")))


def test_a_round_tells_who_dissented_and_why(played, member):
    row = Round.objects.get()
    page = text_of(member.get(played.url(f"rounds/{row.pk}/")))
    assert "Because: Companiganj has no boats, and its road is cut." in page
    assert "70 % sure" in page


def test_a_member_makes_a_checkpoint_and_goes_back(played, member):
    count = Checkpoint.objects.count()
    assert "The checkpoint is made." in text_of(member.post(played.url("checkpoint/"), follow=True))
    assert Checkpoint.objects.count() == count + 1
    page = text_of(member.post(played.url("return/"), {"seq": 1}, follow=True))
    assert "The state is that after event 1 again" in page
    assert get_state(played.session_id).state == get_state_at(played.session_id, 1).state


def test_a_member_begins_a_handoff_and_aborts_it(played, member):
    body = {"protocol": "coordinated", "reason": "lunch"}
    assert "Handoff 2 is under way." in text_of(member.post(played.url("handoff/"), body, follow=True))
    assert "Abort: everybody stays as they are" in text_of(member.get(played.url()))
    assert "Handoff 2 is aborted" in text_of(member.post(played.url("abort/"), follow=True))
    assert Handoff.objects.get(number=2).phase == "aborted"
    assert "No handoff is under way any more." in text_of(member.post(played.url("abort/"), follow=True))


def test_a_handoff_without_a_reason_names_the_field_and_begins_nothing(played, member):
    count = Handoff.objects.count()
    page = text_of(member.post(played.url("handoff/"), {"protocol": "coordinated", "reason": ""}, follow=True))
    assert "Reason: This field is required." in page
    assert Handoff.objects.count() == count


@pytest.mark.parametrize("change", ["checkpoint/", "return/", "handoff/", "abort/", "restore/"])
def test_who_only_reads_may_change_nothing_and_sees_no_button(played, viewer, change):
    before = Session.objects.get(pk=played.session_id).head_seq
    assert viewer.post(played.url(change), {"seq": 1, "archive": 1}).status_code == 403
    assert Session.objects.get(pk=played.session_id).head_seq == before
    assert "Make one now" not in text_of(viewer.get(played.url("state/")))
    assert "Hand over" not in text_of(viewer.get(played.url()))


def test_a_change_that_there_is_not_is_not_found(played, member):
    assert member.post(played.url("explode/")).status_code == 404


def test_the_list_takes_as_many_queries_for_many_sessions_as_for_one(played, member):
    with CaptureQueriesContext(connection) as few:
        member.get("/sessions/")
    row = Session.objects.get(pk=played.session_id)
    for number in range(5):
        row.pk, row.external_id, row._state.adding = UUID(int=number + 1), f"copy {number}", True
        row.save(force_insert=True)
    with CaptureQueriesContext(connection) as many:
        assert text_of(member.get("/sessions/")).count("Demo sessions · council") == 6
    assert len(many) == len(few)


def test_sessions_like_this_one_are_told_with_what_those_that_are_over_say_of_its_tokens(played, member):
    def begin(name: str, tokens: int, *, team_id: int = played.team_id) -> UUID:
        now = timezone.now()
        session_id = open_session(ask=SessionAsk(name=name), team_id=team_id, actor="test", now=now)
        Session.objects.filter(pk=session_id).update(tokens_used=tokens)
        refresh_likeness(locked(session_id), now=now)
        return session_id

    first = text_of(member.get(played.url("similar/")))
    assert "No session like it has ended after spending tokens." in first
    assert "None yet." in first
    past = begin("Flood desk of last year: which districts need boats", 41_000)
    end_session(session_id=past, team_id=played.team_id, actor="test", now=timezone.now())
    begin("Flood desk boats for districts, still at work", 7_000)
    begin("Flood desk of others: districts and boats", 99_000, team_id=make_other_team("Others", "Other team"))

    page = text_of(member.get(played.url("similar/")))

    assert "1 like it is over and counts for" in page
    assert "Words only: the policy of the session names no embedding model." in page
    assert "Flood desk of last year" in page
    assert "41,000" in page
    assert "7,000 so far" in page
    assert "99,000" not in page
