from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sessions_app.domain.continuity import Held, Point, compose
from sessions_app.domain.deltas import digest_of
from sessions_app.domain.handoff.checks import Finding, Truth, check, covered_percent, is_passed, role_of
from sessions_app.domain.handoff.packages import (
    DamagedPackage,
    Decision,
    Identity,
    KeptItem,
    LoadedItem,
    Own,
    Shared,
    pack,
    package_of,
    unpack,
)

STATE = {"focus": "evacuate the harbour", "roles": {"a1": "lead"}}
DIGEST = digest_of(STATE).hex()
IDENTITY = Identity(session="s", handoff=1, agent="a1", role="lead", model="m", epoch_from=1, epoch_to=2)
DECISION = Decision(number=3, kind="decision", text="Bridge 4 stays open.")
LOADED = LoadedItem(
    key="rules", component="system", kind="instruction", tokens=50, is_pinned=True, text="Never.", locator=""
)
KEPT = KeptItem(key="out", component="knowledge", kind="tool_output", tokens_before=20, tokens=90, archive=7)
SHARED = Shared(
    seq=9,
    digest=DIGEST,
    state=STATE,
    decisions=[DECISION],
    continuity={"in_progress": ["Evacuate the harbour by bus."]},
    continuity_tokens=10,
    checkpoint=4,
    summary="",
)
PACKAGE = package_of(Own(identity=IDENTITY, loaded=[LOADED], kept=[KEPT], context_tokens=100), SHARED)
TRUTH = Truth(
    identity=IDENTITY,
    is_source_active=True,
    decisions=[DECISION],
    digest=DIGEST,
    items={"rules": 50, "out": 20},
    context_tokens=100,
    room_tokens=60,
)


def failed(package=PACKAGE, **changes):
    values = {name: getattr(TRUTH, name) for name in Truth.__dataclass_fields__} | changes
    return [each.name for each in check(package, Truth(**values), focus_percent=60) if not each.passed]


def changed(path, value):
    package = deepcopy(PACKAGE)
    *parents, last = path
    place = package
    for each in parents:
        place = place[each]
    place[last] = value
    return package


def test_what_is_right_passes_and_survives_packing():
    packed = pack(PACKAGE)
    assert failed(unpack(packed.body, packed.sha256)) == []
    assert PACKAGE["tokens"] == {
        "context_before": 100,
        "loaded": 50,
        "kept": 20,
        "not_itemised": 30,
        "continuity": 10,
        "context_after": 60,
    }


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        (("identity", "agent"), "a2", "identity"),
        (("identity", "epoch_to"), 3, "identity"),
        (("identity", "role"), "scout", "roles"),
        (("state", "value", "focus"), "evacuate the harbour!", "state"),
        (("decisions", 0, "text"), "Bridge 4 closes.", "decisions"),
        (("decisions",), [], "decisions"),
        (("continuity", "in_progress"), ["Something else."], "focus"),
        (("items", "loaded"), [], "tokens"),
        (("items", "kept", 0, "tokens_before"), 21, "tokens"),
        (("tokens", "kept"), 0, "tokens"),
        (("tokens", "context_after"), 61, "room"),
    ],
)
def test_each_check_finds_its_fault(path, value, name):
    assert failed(changed(path, value)) == [name]


def test_a_source_that_is_not_active_and_a_fact_that_was_added_are_found():
    assert failed(is_source_active=False) == ["identity"]
    assert failed(decisions=[DECISION, Decision(number=4, kind="open", text="Who closes it?")]) == ["decisions"]
    assert failed(decisions=[]) == ["decisions"]
    assert failed(items={"rules": 50, "out": 20, "more": 1}) == ["tokens"]


def test_an_emergency_waives_likeness_alone():
    assert is_passed([Finding(name="focus", passed=False)], is_emergency=True)
    assert not is_passed([Finding(name="focus", passed=False)], is_emergency=False)
    assert not is_passed([Finding(name="state", passed=False)], is_emergency=True)


@pytest.mark.parametrize(
    ("focus", "told", "percent"),
    [
        ("Evacuate the harbour", {"a": ["the HARBOUR", {"b": "evacuate"}]}, 100),
        ("evacuate the harbour district", "the harbour", 50),
        (None, "anything", 100),
        ({"task": "pumps"}, "", 0),
    ],
)
def test_a_focus_is_covered_by_the_share_of_its_words_that_are_told(focus, told, percent):
    assert covered_percent(focus, told) == percent


LONG = " ".join(f"ward{number} floods at hour{number}" for number in range(300))
FOCI = {
    "1,000 characters": LONG[:1_000],
    "5,000 characters": LONG[:5_000],
    "object": {f"task{number}": {"title": f"pump{number}", "text": LONG[number:][:900]} for number in range(40, 0, -1)},
    "list": [LONG[number:][:900] for number in range(40)],
}


def _packed_with(focus, continuity):
    state = {"focus": focus}
    shared = replace(SHARED, state=state, digest=digest_of(state).hex(), continuity=continuity)
    identity = replace(IDENTITY, role="lead")
    packed = pack(package_of(Own(identity=identity, loaded=[LOADED], kept=[KEPT], context_tokens=100), shared))
    return unpack(packed.body, packed.sha256), {"digest": shared.digest}


@pytest.mark.parametrize("most_tokens", [700, 2_000])
@pytest.mark.parametrize("focus", FOCI.values(), ids=FOCI)
def test_a_long_focus_is_told_by_a_document_that_quotes_it(focus, most_tokens):
    point = Point(
        session_id="s",
        name="Flood desk",
        purpose="",
        mode="",
        seq=9,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        digest="",
        state={"focus": focus},
        held=[Held(agent="a1", key=f"t{n}", is_task=True, is_finished=False, locator="repo/t") for n in range(50)],
    )
    document = compose(point, most_tokens=most_tokens, count=lambda text: len(text) // 4)
    package, truth = _packed_with(focus, document.body)
    assert failed(package, **truth) == []


@pytest.mark.parametrize("focus", FOCI.values(), ids=FOCI)
def test_a_long_focus_of_which_the_document_tells_nothing_is_lost(focus):
    package, truth = _packed_with(focus, {"in_progress": ["Something else floods."], "next": ["title and text"]})
    assert failed(package, **truth) == ["focus"]


def test_the_state_gives_roles_before_the_instance_does():
    assert role_of({"roles": {"a1": {"role": "scout"}}}, IDENTITY) == "scout"
    assert role_of({"roles": {"a2": "scout"}}, IDENTITY) == "lead"
    assert role_of({"roles": "none"}, IDENTITY) == "lead"


@pytest.mark.parametrize("body", [b"", b"no zlib", pack({"other": 1}).body])
def test_a_damaged_package_is_refused(body):
    with pytest.raises(DamagedPackage):
        unpack(body, pack(PACKAGE).sha256)
