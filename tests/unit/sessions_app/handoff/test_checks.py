from __future__ import annotations

from copy import deepcopy

import pytest

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


def test_the_state_gives_roles_before_the_instance_does():
    assert role_of({"roles": {"a1": {"role": "scout"}}}, IDENTITY) == "scout"
    assert role_of({"roles": {"a2": "scout"}}, IDENTITY) == "lead"
    assert role_of({"roles": "none"}, IDENTITY) == "lead"


@pytest.mark.parametrize("body", [b"", b"no zlib", pack({"other": 1}).body])
def test_a_damaged_package_is_refused(body):
    with pytest.raises(DamagedPackage):
        unpack(body, pack(PACKAGE).sha256)
