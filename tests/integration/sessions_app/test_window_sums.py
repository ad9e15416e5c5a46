"""What windows hold, against sums that are made here: in any order of changes, and by several processes at once."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from config.kernel.errors import Conflict
from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import Archive, ContextItem, Event, Usage
from sessions_app.services.cleanup.cleaning import CleanupAsk, clean_up, restore
from sessions_app.services.lives import AgentAsk, join_agent
from sessions_app.services.reference import load_reference
from sessions_app.services.windows.items import ItemAsk, load_items, unload_item
from sessions_app.services.windows.usage import UsageReport, record_usage
from tests.integration.processes import in_processes
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.world import NOW, make_team, undone

LATER = NOW + timedelta(hours=3)
WIDE = 1_000_000
KEYS = some.sampled_from(["a", "b", "c"])
PARTS = some.sampled_from([Component.KNOWLEDGE, Component.INTERACTION, Component.SYSTEM])
CHANGES = some.lists(
    some.one_of(
        some.tuples(some.just("load"), KEYS, PARTS, some.integers(0, 900), some.booleans()),
        some.tuples(some.just("drop"), KEYS),
        some.tuples(some.just("told"), PARTS, some.integers(0, 2_000)),
        some.tuples(some.just("call"), some.integers(0, 3_000), some.integers(0, 300)),
        some.tuples(some.just("with item"), KEYS, some.integers(0, 900), some.integers(0, 300)),
        some.just(("clean",)),
        some.tuples(some.just("back"), KEYS),
    ),
    min_size=3,
    max_size=14,
)


def ready(team):
    session_id = open_desk(team)
    ask = AgentAsk(agent="ann", role="analyst", window_tokens=WIDE, max_output_tokens=1_000)
    join_agent(session_id=session_id, team_id=team.team_id, ask=ask, actor="test", now=NOW)
    return {"session_id": session_id, "team_id": team.team_id, "actor": "test"}


def item(key, part, tokens, is_debug=False):
    kind = ItemKind.DEBUG if is_debug else ItemKind.FILE
    return ItemAsk(key=key, component=part, kind=kind, tokens=tokens, locator=f"/{key}")


class Sums:
    """What the window of one agent holds: by component, and the live tokens of items with their component."""

    def __init__(self, who):
        self.who, self.agent = who, {**who, "agent": "ann", "epoch": 1}
        self.parts = dict.fromkeys(map(str, Component), 0)
        self.live: dict[str, tuple[str, int, bool]] = {}
        self.gone: dict[str, tuple[str, int, bool]] = {}
        self.calls = 0

    def itemised(self, part):
        return sum(tokens for own, tokens, _ in self.live.values() if own == part)

    def put(self, key, part, tokens, is_debug):
        if key in self.live:
            self.parts[self.live[key][0]] -= self.live[key][1]
        self.parts[part] += tokens
        self.gone.pop(key, None)
        self.live[key] = (str(part), tokens, is_debug)

    def leave(self, key):
        self.parts[self.live[key][0]] -= self.live[key][1]
        self.gone[key] = self.live.pop(key)

    def tell(self, **values):
        self.calls += 1
        record_usage(report=UsageReport(call_id=f"c{self.calls}", **values), now=NOW, **self.agent)

    def load(self, key, part, tokens, is_debug):
        load_items(items=[item(key, part, tokens, is_debug)], now=NOW, **self.agent)
        self.put(key, part, tokens, is_debug)

    def drop(self, key):
        if key in self.live:
            unload_item(item_id=ContextItem.objects.get(key=key).pk, now=NOW, **self.agent)
            self.leave(key)

    def told(self, part, tokens):
        self.tell(output_tokens=1, components={part: tokens})
        self.parts[part] = max(tokens, self.itemised(part))

    def call(self, prompt, output):
        before = sum(self.parts.values())
        self.tell(input_tokens=prompt, output_tokens=output)
        self.parts[Component.INTERACTION] += max(before, prompt) + output - before

    def with_item(self, key, tokens, output):
        before = sum(self.parts.values())
        self.tell(output_tokens=output, items=[item(key, Component.KNOWLEDGE, tokens)])
        self.put(key, Component.KNOWLEDGE, tokens, False)
        self.parts[Component.INTERACTION] += max(0, before + output - sum(self.parts.values()))

    def clean(self):
        clean_up(ask=CleanupAsk(agent="ann"), now=LATER, **self.who)
        for key in [
            key for key, (part, tokens, is_debug) in self.live.items() if tokens and self.is_due(part, is_debug)
        ]:
            self.leave(key)

    @staticmethod
    def is_due(part, is_debug):
        return is_debug or part == Component.KNOWLEDGE

    def back(self, key):
        if key in self.gone:
            restore(archive_id=ContextItem.objects.get(key=key).archive_id, now=NOW, **self.who)
            self.live[key] = self.gone.pop(key)
            self.parts[self.live[key][0]] += self.live[key][1]

    def check(self):
        instance = instance_of(self.who["session_id"], "ann")
        assert instance.component_tokens == self.parts
        assert instance.context_tokens == sum(self.parts.values())
        rows = ContextItem.objects.exclude(status="unloaded").values_list("key", "component", "tokens")
        assert {key: (part, tokens) for key, part, tokens in rows} == {
            key: (part, tokens) for key, (part, tokens, _) in self.live.items()
        }


@pytest.mark.django_db
def test_a_window_holds_what_came_less_what_left_in_any_order():
    load_reference(now=NOW)
    team = make_team()

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(changes=CHANGES)
    def run(changes):
        with undone():
            sums = Sums(ready(team))
            for name, *values in changes:
                getattr(sums, name.replace(" ", "_"))(*values)
                sums.check()

    run()


@pytest.mark.django_db(transaction=True)
def test_cleanups_reports_and_restores_at_once_lose_and_count_nothing_twice():
    load_reference(now=NOW)
    who = ready(make_team())
    agent = {**who, "agent": "ann", "epoch": 1}
    items = [item(f"i{each}", Component.SYSTEM, 100, is_debug=True) for each in range(12)]
    load_items(items=items, now=NOW, **agent)
    works = [partial(_clean, who), partial(_clean, who), partial(_restore, who), partial(_report, agent)]
    in_processes(works)
    instance = instance_of(who["session_id"], "ann")
    held = ContextItem.objects.aggregate(sum=Sum("tokens"))["sum"]
    assert instance.component_tokens[Component.SYSTEM] == held
    assert (
        instance.component_tokens[Component.INTERACTION]
        == 10 * 7
        == Usage.objects.aggregate(sum=Sum("output_tokens"))["sum"]
    )
    assert instance.context_tokens == held + 70
    gone = ContextItem.objects.filter(status="unloaded")
    assert all(row.tokens == 0 and row.archive_id is not None for row in gone)
    head = session_of(who["session_id"]).head_seq
    assert list(Event.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, head + 1))


def _clean(who):
    for _ in range(4):
        clean_up(ask=CleanupAsk(agent="ann"), now=LATER, **who)


def _restore(who):
    for _ in range(4):
        for archive_id in Archive.objects.values_list("pk", flat=True)[:6]:
            try:
                restore(archive_id=archive_id, now=NOW, **who)
            except Conflict as refused:
                assert refused.code == "not_restorable"  # noqa: PT017  # archived anew meanwhile


def _report(agent):
    for each in range(10):
        record_usage(report=UsageReport(call_id=f"c{each}", input_tokens=0, output_tokens=7), now=NOW, **agent)
