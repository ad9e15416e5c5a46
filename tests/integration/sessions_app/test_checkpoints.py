"""Checkpoints: points of the log to return to, each with a document that says how to go on."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest
from django.db import transaction

from budgets.services import count_tokens
from config.kernel.errors import Conflict, InvalidInput
from sessions_app.domain.deltas import canonical
from sessions_app.domain.words import FactKind, Reason
from sessions_app.models import Archive, Checkpoint, ContextItem, Event, Fact
from sessions_app.selectors.checkpoints import get_checkpoint, list_checkpoints
from sessions_app.selectors.state import get_state, get_state_at
from sessions_app.services.checkpoints import Origin, Said, checkpoint_if_due, make_checkpoint
from sessions_app.services.log import Writer, locked, patch_state
from sessions_app.services.reference import load_reference
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.world import NOW, make_team

pytestmark = pytest.mark.django_db
TALK = (
    "Maria Okafor reported at 14:05 that 312 families in Baidoa need shelter. "
    "We decided to send 40 tents from the depot in Mogadishu on Thursday. "
    "It was a long day and everybody was tired of the heat. "
    "The weather stayed as it was. Somebody made tea and we talked about football for a while. "
    "The road through Afgooye is not open; the convoy must not use it before 6 May. "
)


@pytest.fixture
def team():
    load_reference(now=NOW)
    return make_team()


def _make(session_id, reason=Reason.MANUAL, now=NOW, **changes):
    with transaction.atomic():
        return make_checkpoint(locked(session_id), reason=reason, actor="key test", now=now, **changes)


def _write(session_id, team, delta, now=NOW):
    base = session_of(session_id).head_seq
    writer = Writer(actor="key test")
    return patch_state(
        session_id=session_id, team_id=team.team_id, base_seq=base, format="merge", delta=delta, writer=writer, now=now
    )


def _say(session_id, agent, key, text, kind="message"):
    ContextItem.objects.create(
        instance=instance_of(session_id, agent),
        key=key,
        component="interaction",
        kind=kind,
        text=text,
        tokens=count_tokens(text),
        original_tokens=count_tokens(text),
        created_at=NOW,
        last_access_at=NOW,
    )


def _know(session_id, number, text, kind=FactKind.DECISION, is_pinned=False):
    Fact.objects.create(
        session_id=session_id, number=number, kind=kind, text=text, is_pinned=is_pinned, from_seq=1, at=NOW
    )


def test_a_checkpoint_is_the_number_of_its_own_event_and_has_the_state_of_then(team):
    session_id = open_desk(team, "a")
    _write(session_id, team, {"focus": "tents", "coordination": ["call the depot"]})
    made = _make(session_id)
    _write(session_id, team, {"focus": "water"})

    event = Event.objects.get(session=session_id, seq=made.seq)
    assert (event.kind, event.facts["reason"], bytes(event.digest)) == ("checkpoint.made", "manual", bytes(made.digest))
    assert get_state_at(session_id, made.seq).state == {"focus": "tents", "coordination": ["call the depot"]}
    document = get_checkpoint(session_id, made.pk).document
    assert (document["in_progress"], document["next"]) == (["tents"], ["call the depot"])
    assert document["point"] == {"seq": made.seq, "at": document["point"]["at"], "digest": bytes(made.digest).hex()}
    assert document["agents"][0] | {"agent": "a", "role": "analyst"} == document["agents"][0]


def test_it_is_due_by_tokens_and_by_time_but_not_where_nothing_has_happened(team):
    session_id = open_desk(team)

    def due(now, tokens=0):
        with transaction.atomic():
            session = locked(session_id)
            session.tokens_since_checkpoint += tokens
            made = checkpoint_if_due(session, actor="key test", now=now)
            return made and made.reason

    assert due(NOW, 1_499) is None
    assert due(NOW, 1_500) == "tokens"
    session = session_of(session_id)
    assert (session.tokens_since_checkpoint, session.last_checkpoint_seq) == (0, session.head_seq)
    assert due(NOW + timedelta(minutes=16)) is None
    _write(session_id, team, {"n": 1})
    assert due(NOW + timedelta(minutes=14)) is None
    assert due(NOW + timedelta(minutes=15)) == "time"


def test_older_than_the_last_five_leave_for_the_archive_whole(team):
    session_id = open_desk(team, "a")
    made = []
    for step in range(8):
        _write(session_id, team, {"focus": f"step {step}"})
        _say(session_id, "a", f"m{step}", f"Step {step} is done.")
        made.append(_make(session_id))
    session = session_of(session_id)

    lines = list_checkpoints(session.pk, limit=50)
    assert [line.tier for line in lines] == ["hot"] * 5 + ["archived"] * 3
    for step, each in enumerate(made):
        facts = get_checkpoint(session.pk, each.pk)
        assert facts.document["in_progress"] == [f"step {step}"]
        assert facts.summary == f"a: Step {step} is done."
    archived = Checkpoint.objects.filter(session=session, tier="archived")
    assert {(each.document, each.summary) for each in archived} == {(None, "")}
    assert all(bytes(each.sha256) == bytes(each.archive.sha256) for each in archived.select_related("archive"))


def test_what_was_tampered_with_is_not_shown(team):
    session_id = open_desk(team)
    made = _make(session_id)
    Checkpoint.objects.filter(pk=made.pk).update(summary="Everything is fine.")
    with pytest.raises(Conflict) as refused:
        get_checkpoint(session_id, made.pk)
    assert refused.value.code == "checkpoint_damaged"


def test_a_damaged_archive_is_not_shown(team):
    session_id = open_desk(team)
    made = [_make(session_id) for _ in range(6)]
    Archive.objects.update(body=b"something else")
    with pytest.raises(Conflict) as refused:
        get_checkpoint(session_id, made[0].pk)
    assert refused.value.code == "checkpoint_damaged"


def test_the_default_summary_passes_the_gate_and_tells_of_each_item_once(team):
    session_id = open_desk(team, "a")
    _know(session_id, 1, "Nobody drives at night.", is_pinned=True)
    for step in range(6):
        _say(session_id, "a", f"m{step}", TALK.replace("312", str(312 + step)))
    first = _make(session_id)
    second = _make(session_id)

    assert (first.keeps_text, first.gate["passed"], first.gate["by"]) == (False, True, "default")
    assert "Nobody drives at night." in first.summary
    assert count_tokens(first.summary) < count_tokens(TALK) * 6 * 0.8
    assert (second.summary, second.gate["items"]) == ("", 0)


def test_a_summary_that_invents_is_refused_and_the_text_is_kept(team):
    session_id = open_desk(team, "a")
    _say(session_id, "a", "m", TALK * 3)
    made = _make(session_id, summary="Maria Okafor said that 900 families in Baidoa need shelter.")
    assert (made.keeps_text, made.summary) == (True, f"a: {TALK * 3}")
    assert {"code": "number_invented", "detail": "900"} in made.gate["findings"]


def test_an_agents_own_summary_stands_if_the_gate_finds_nothing_against_it(team):
    session_id = open_desk(team, "a")
    _know(session_id, 1, "Nobody drives at night.", is_pinned=True)
    summary = "Nobody drives at night. 312 families in Baidoa need shelter; 40 tents go on Thursday."
    made = _make(session_id, said=Said(summary=summary, source=TALK * 2))
    assert (made.summary, made.keeps_text, made.gate["by"]) == (summary, False, "agent")


def test_a_summary_without_a_pinned_fact_is_refused(team):
    session_id = open_desk(team, "a")
    _know(session_id, 1, "Nobody drives at night.", is_pinned=True)
    made = _make(session_id, said=Said(summary="312 families in Baidoa need shelter.", source=TALK * 2))
    assert made.keeps_text
    assert [each["code"] for each in made.gate["findings"]] == ["pinned_missing"]


def test_a_summary_of_nothing_known_is_refused_and_makes_no_checkpoint(team):
    session_id = open_desk(team, "a")
    with pytest.raises(InvalidInput) as refused:
        _make(session_id, summary="All is well.")
    assert (refused.value.field, refused.value.code) == ("source", "no_source")
    assert not Checkpoint.objects.exists()


def test_the_same_key_makes_one_checkpoint(team):
    session_id = open_desk(team)
    first = _make(session_id, origin=Origin(key="k"))
    again = _make(session_id, origin=Origin(key="k"))
    assert first.pk == again.pk
    assert Checkpoint.objects.count() == Event.objects.filter(kind="checkpoint.made").count() == 1


def test_one_that_was_meant_for_an_earlier_point_has_the_state_and_the_facts_of_then(team):
    session_id = open_desk(team)
    meant = _write(session_id, team, {"focus": "tents"}).seq
    _write(session_id, team, {"focus": "water"})
    Fact.objects.create(
        session_id=session_id, number=1, kind="decision", text="Water first.", from_seq=meant + 1, at=NOW
    )
    made = _make(session_id, origin=Origin(store="spool", key="k", seq=meant))
    assert (made.seq, made.store, made.document["in_progress"]) == (meant, "spool", ["tents"])
    assert made.document["decisions"] == []
    second = _make(session_id, origin=Origin(store="spool", key="l", seq=meant))
    assert second.seq == session_of(session_id).head_seq
    assert get_state(session_id).state == {"focus": "water"}


def test_text_that_no_database_stores_is_made_readable(team):
    session_id = open_desk(team, "a")
    _write(session_id, team, {"focus": "nul \0 and half \ud800", "artefacts": {"map": "x\udfff"}})
    made = _make(session_id, said=Said(summary=None, source="half \ud800 of a pair \0"))
    facts = get_checkpoint(session_id, made.pk)
    assert facts.document["in_progress"] == ["nul \ufffd and half ?"]
    content = canonical({"document": facts.document, "summary": facts.summary, "windows": facts.line.windows})
    assert sha256(content.encode()).hexdigest() == facts.sha256
