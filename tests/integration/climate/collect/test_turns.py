"""When a source is asked, when it is left alone, and that nobody asks it twice at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from climate.connectors.http import SourceUnavailable
from climate.domain.collected import Collected
from climate.domain.outage import is_down
from climate.models import DataSource
from climate.selectors import list_sources
from climate.selectors.sources import key_digest_of, list_due_sources
from climate.services.collect import collect_if_due
from climate.services.collect.state import LEASE
from climate.services.sources import pause_source, resume_source
from climate.tasks import collect_due_sources
from config.kernel.errors import Conflict, StillRunning, Unavailable
from tests.integration.climate.collect.toy import HOUR, NOW, collect, readings, row
from tests.integration.climate.provider import Reply

GOOD = readings(row(0, 310.0))
MINUTE = timedelta(minutes=1)


def tick(toy, time_machine, now):
    """One minute's tick of the scheduler; how often the provider was asked."""
    before = len(toy.provider.asked)
    time_machine.move_to(now, tick=False)
    collect_due_sources()
    return len(toy.provider.asked) - before


def test_times_of_a_clock_that_was_a_year_ahead_count_as_unknown(toy, time_machine):
    ahead = NOW + timedelta(days=365)
    toy.provider.replies(readings(row(0, 310.0), headers={"ETag": '"1"'}))
    toy.collect(ahead)
    DataSource.objects.filter(pk="toy").update(
        requests_in_hour=60, not_before=ahead + HOUR, leased_until=ahead + LEASE, lease_token="dead"
    )

    state = toy.state()
    assert (state.last_attempt_at, state.last_success_at, state.age_minutes) == (None, None, None)
    assert (state.is_stale, state.is_running, state.not_before, state.next_due_at) == (True, False, None, None)
    assert is_down(state, now=NOW)

    assert tick(toy, time_machine, NOW) == 1
    assert "if-none-match" not in toy.provider.asked[-1].headers
    healed = toy.state()
    assert (healed.last_success_at, healed.age_minutes, healed.is_stale) == (NOW, 0.0, False)
    assert (healed.next_due_at, healed.requests_in_hour) == (NOW + 15 * MINUTE, 1)
    assert len(toy.stored()) == 1


def test_clocks_of_two_machines_may_differ_by_some_minutes(toy):
    toy.provider.replies(GOOD)
    toy.collect(NOW + 4 * MINUTE)

    assert (toy.state().last_success_at, toy.state().age_minutes) == (NOW + 4 * MINUTE, 0.0)


def test_a_source_is_asked_on_its_own_interval(toy, time_machine):
    toy.provider.replies(GOOD)
    asked_at = [minute for minute in range(40) if tick(toy, time_machine, NOW + minute * MINUTE)]

    assert asked_at == [0, 15, 30]
    DataSource.objects.filter(pk="toy").update(interval_minutes=5)
    asked_at = [minute for minute in range(40, 52) if tick(toy, time_machine, NOW + minute * MINUTE)]
    assert asked_at == [40, 45, 50]


def test_the_breaker_opens_at_the_third_failure_and_half_opens_by_itself(toy, time_machine):
    toy.provider.replies(Reply(status=404))
    asked_at = [minute for minute in range(300) if tick(toy, time_machine, NOW + minute * MINUTE)]

    assert asked_at == [0, 15, 30, 60, 120, 180, 240]
    assert (toy.state(NOW + 241 * MINUTE).breaker, toy.source.breaker_opened_at) == ("open", NOW + 30 * MINUTE)
    assert toy.state(NOW + 300 * MINUTE).breaker == "half_open"
    assert toy.source.consecutive_failures == 7

    toy.provider.replies(GOOD)
    assert tick(toy, time_machine, NOW + 300 * MINUTE) == 1
    state = toy.state(NOW + 300 * MINUTE)
    assert (state.state, state.breaker, state.consecutive_failures, state.last_error) == ("ok", "closed", 0, "")
    assert toy.source.breaker_opened_at is None
    assert tick(toy, time_machine, NOW + 315 * MINUTE) == 1


def test_a_refusal_stops_the_source_for_a_day(toy, time_machine):
    toy.provider.replies(Reply(status=401))
    minutes = range(0, 60 * 24 * 2 + 5, 5)
    asked_at = [minute for minute in minutes if tick(toy, time_machine, NOW + minute * MINUTE)]

    assert asked_at == [0, 24 * 60, 48 * 60]
    state = toy.state(NOW + 60 * MINUTE * 24 * 2)
    assert (state.state, state.breaker) == ("refused", "open")
    assert "does not let us in" in state.last_error


def test_a_new_key_starts_a_refused_source_afresh(toy, time_machine):
    toy.connect(needs=("TOY_KEY",))
    toy.configure(secrets={"TOY_KEY": "old"})
    toy.provider.answer = lambda asked: GOOD if asked.headers["x-key"] == "new" else Reply(status=403)
    assert tick(toy, time_machine, NOW) == 1
    assert tick(toy, time_machine, NOW + 2 * HOUR) == 0
    first_digest = toy.source.key_digest

    toy.configure(secrets={"TOY_KEY": "new"})

    assert tick(toy, time_machine, NOW + 2 * HOUR + MINUTE) == 1
    assert (toy.source.state, len(first_digest)) == ("ok", 16)
    assert toy.source.key_digest not in (first_digest, "")


@pytest.fixture
def refused(toy, time_machine):
    """The toy, which has refused the old key; it lets the new one in."""
    toy.connect(needs=("TOY_KEY",), requests_per_hour=1)
    toy.configure(secrets={"TOY_KEY": "old"})
    toy.provider.answer = lambda asked: GOOD if asked.headers["x-key"] == "new" else Reply(status=403)
    assert tick(toy, time_machine, NOW) == 1
    assert toy.source.state == "refused"
    return toy


def set_a_new_key(toy):
    toy.configure(secrets={"TOY_KEY": "new"})


def say_that_it_is_mended(toy):
    toy.configure(secrets={"TOY_KEY": "old"})
    toy.provider.answer = lambda asked: GOOD
    resume_source(name="toy", reason="the account is paid again", now=NOW + MINUTE)


AFRESH = pytest.mark.parametrize("start_afresh", [set_a_new_key, say_that_it_is_mended])


@AFRESH
def test_what_starts_afresh_is_not_refused_again_for_the_hourly_limit(refused, time_machine, start_afresh):
    start_afresh(refused)
    assert tick(refused, time_machine, NOW + 2 * MINUTE) == 0, "the request of this hour is used up"
    state = refused.state(NOW + 3 * MINUTE)
    assert (state.state, state.breaker, state.consecutive_failures) == ("never", "closed", 0)
    assert refused.source.breaker_opened_at is None

    assert tick(refused, time_machine, NOW + HOUR + MINUTE) == 1
    assert refused.source.state == "ok"


@AFRESH
def test_what_starts_afresh_is_not_refused_again_for_an_error_of_ours(refused, time_machine, monkeypatch, start_afresh):
    start_afresh(refused)
    with monkeypatch.context() as broken:
        broken.setattr("climate.services.collect.question_to", lambda *args, **named: 1 / 0)
        tick(refused, time_machine, NOW + 2 * MINUTE)
    state = refused.state(NOW + 3 * MINUTE)
    assert (state.state, state.breaker, state.consecutive_failures, state.last_error) == ("never", "closed", 0, "")

    assert tick(refused, time_machine, NOW + HOUR + MINUTE) == 1
    assert refused.source.state == "ok"


def test_a_source_without_its_key_is_never_asked_and_that_is_no_failure(toy, time_machine):
    toy.connect(needs=("TOY_KEY", "TOY_SECRET"))
    toy.configure(secrets={"TOY_KEY": "", "TOY_SECRET": ""})

    assert tick(toy, time_machine, NOW) == 0
    with pytest.raises(Conflict, match="TOY_KEY and TOY_SECRET must be set"):
        toy.collect()

    state = toy.state()
    assert (state.state, state.needs, state.is_stale, state.next_due_at) == (
        "unconfigured",
        ("TOY_KEY", "TOY_SECRET"),
        False,
        None,
    )
    assert state.last_error == "not asked: TOY_KEY and TOY_SECRET must be set"
    assert toy.source.last_attempt_at is None
    assert toy.provider.asked == []


def test_a_long_pause_that_the_source_asks_for_is_kept_by_beat_and_by_people(toy, time_machine, waited):
    toy.provider.replies(Reply(status=429, headers={"Retry-After": "3600"}), GOOD)
    time_machine.move_to(NOW, tick=False)
    toy.collect()

    until = toy.source.not_before
    assert NOW + HOUR <= until <= NOW + HOUR + 5 * timedelta(seconds=1)
    assert (len(toy.provider.asked), waited) == (1, []), "it is not asked again in this run"
    assert toy.source.last_error == "the source answered 429 and asks us to wait until 2026-03-04 11:20 UTC"
    assert tick(toy, time_machine, NOW + 59 * MINUTE) == 0
    with pytest.raises(Unavailable, match="must not be asked before 2026-03-04 11:20 UTC") as refused:
        toy.collect(NOW + 59 * MINUTE)
    assert 60 <= refused.value.retry_after_seconds <= 66
    assert len(toy.provider.asked) == 1
    assert tick(toy, time_machine, NOW + 61 * MINUTE) == 1
    assert (toy.source.state, toy.source.not_before) == ("ok", None)


def test_a_source_that_slows_us_down_half_way_keeps_what_it_gave_and_is_left_alone(toy, time_machine):
    def as_far_as_it_goes(http, ask):
        first, _second, _third = (type(ask)(now=ask.now, zones=(zone,)) for zone in ask.zones)
        collected = collect(http, first)
        for other in (_second, _third):
            try:
                collect(http, other)
            except SourceUnavailable as error:
                collected = collected.plus(Collected(problems=(str(error),)))
        return collected

    toy.connect(zones=("DE", "FR", "PL"), collect=as_far_as_it_goes)
    toy.provider.replies(GOOD, Reply(status=429, headers={"Retry-After": "3600"}))

    done = toy.collect()

    assert (done.state, done.new, done.requests) == ("ok", 1, 2), "once told to wait, it is asked nothing more"
    assert len(done.problems) == 2
    assert toy.state().not_before is not None
    assert tick(toy, time_machine, NOW + 30 * MINUTE) == 0
    assert tick(toy, time_machine, NOW + 61 * MINUTE) > 0


def test_a_pause_may_be_a_date(toy):
    toy.provider.replies(Reply(status=503, headers={"Retry-After": "Wed, 04 Mar 2026 12:00:00 GMT"}))
    toy.collect()

    assert abs(toy.source.not_before - NOW.replace(hour=12, minute=0)) < timedelta(seconds=5)


def test_the_hourly_limit_is_not_exceeded_and_is_no_failure_of_the_source(toy, time_machine):
    toy.connect(requests_per_hour=5)
    toy.provider.replies(GOOD)
    DataSource.objects.filter(pk="toy").update(interval_minutes=5)

    asked_at = [minute for minute in range(75) if tick(toy, time_machine, NOW + minute * MINUTE)]

    assert asked_at == [0, 5, 10, 15, 20, 60, 65, 70]
    state = toy.state(NOW + 75 * MINUTE)
    assert (state.state, state.requests_in_hour, state.requests_per_hour) == ("ok", 3, 5)


def test_words_say_that_the_limit_is_reached(toy):
    toy.connect(requests_per_hour=2)
    toy.provider.replies(Reply(status=500))

    done = toy.collect()

    assert done.requests == 2
    assert done.problems == ("as many requests as are allowed in an hour have been made",)
    state = toy.state()
    assert (state.state, state.consecutive_failures, state.not_before) == ("never", 0, NOW + HOUR)
    assert toy.source.last_success_at is None


def test_a_run_that_overlaps_itself_is_refused(toy):
    seen = []

    def meanwhile(http, ask):
        seen.append(toy.state().is_running)
        with pytest.raises(StillRunning):
            toy.collect()
        return collect(http, ask)

    toy.connect(collect=meanwhile)
    toy.provider.replies(GOOD)
    assert toy.collect().state == "ok"
    assert seen == [True]
    assert len(toy.provider.asked) == 1
    assert toy.state().is_running is False


def test_the_schedule_passes_over_a_source_that_is_being_asked(toy, time_machine):
    DataSource.objects.filter(pk="toy").update(lease_token="somebody", leased_until=NOW + 3 * MINUTE)

    assert tick(toy, time_machine, NOW) == 0
    with pytest.raises(StillRunning):
        toy.collect(NOW + MINUTE)
    assert toy.source.lease_token == "somebody"


def test_a_lease_of_a_dead_run_ends_by_itself(toy, time_machine):
    toy.provider.replies(GOOD)
    DataSource.objects.filter(pk="toy").update(lease_token="dead", leased_until=NOW + LEASE)

    assert tick(toy, time_machine, NOW + LEASE - MINUTE) == 0
    assert tick(toy, time_machine, NOW + LEASE) == 1
    assert toy.source.state == "ok"


@pytest.mark.parametrize("answer", [GOOD, Reply(status=500), Reply(status=401)])
def test_a_run_that_lost_its_lease_writes_nothing(toy, answer):
    def steals(http, ask):
        DataSource.objects.filter(pk="toy").update(lease_token="another", leased_until=NOW + LEASE)
        return collect(http, ask)

    before = toy.rows()
    toy.provider.replies(answer)
    toy.connect(collect=steals)
    with pytest.raises(StillRunning, match="another run took over"):
        toy.collect()

    assert toy.rows() == before
    source = toy.source
    assert (source.lease_token, source.state, source.last_attempt_at) == ("another", "never", None)
    assert source.requests_in_hour == len(toy.provider.asked), "what was asked counts, whoever keeps it"


def test_a_second_order_to_ask_finds_that_it_has_been_done(toy):
    toy.provider.replies(GOOD)

    assert collect_if_due(name="toy", now=NOW) is not None
    assert collect_if_due(name="toy", now=NOW) is None
    assert collect_if_due(name="crystal-ball", now=NOW) is None
    assert len(toy.provider.asked) == 1


def test_a_paused_source_is_not_asked_and_a_resumed_one_is(toy, time_machine):
    toy.provider.replies(GOOD)
    pause_source(name="toy", reason="wrong values since Monday", now=NOW)

    assert tick(toy, time_machine, NOW) == 0
    assert (toy.state().is_stale, toy.state().next_due_at) == (False, None)
    with pytest.raises(Conflict):
        pause_source(name="toy", reason="again", now=NOW)
    resume_source(name="toy", reason="they say it is mended", now=NOW)
    assert tick(toy, time_machine, NOW) == 1
    with pytest.raises(Conflict):
        resume_source(name="toy", reason="again", now=NOW)
    history = DataSource.history.filter(name="toy").order_by("history_id")
    assert [(each.is_enabled, each.history_change_reason) for each in history][-2:] == [
        (False, "wrong values since Monday"),
        (True, "they say it is mended"),
    ]


def test_a_refused_source_that_is_resumed_is_asked_within_the_minute(toy, time_machine):
    toy.provider.replies(Reply(status=403), GOOD)
    tick(toy, time_machine, NOW)
    assert tick(toy, time_machine, NOW + HOUR) == 0

    resume_source(name="toy", reason="the account is paid again", now=NOW + HOUR)

    assert tick(toy, time_machine, NOW + HOUR) == 1
    assert toy.source.state == "ok"


def test_the_pause_a_source_asked_for_outlives_its_being_resumed(toy, time_machine):
    toy.provider.replies(Reply(status=429, headers={"Retry-After": "7200"}), GOOD)
    tick(toy, time_machine, NOW)
    pause_source(name="toy", reason="too busy", now=NOW)
    resume_source(name="toy", reason="try", now=NOW)

    assert tick(toy, time_machine, NOW + HOUR) == 0


def test_the_states_of_all_sources_cost_one_query(toy, django_assert_num_queries):
    DataSource.objects.update(interval_minutes=F("interval_minutes") + 1)
    with django_assert_num_queries(1):
        assert [each.name for each in list_sources(now=NOW)] == ["toy"]
    with django_assert_num_queries(1):
        assert list_due_sources(now=NOW) == ["toy"]


def test_an_interval_of_a_minute_means_every_look_though_the_last_asking_was_noted_a_second_after_its_own(toy):
    second = timedelta(seconds=1)
    values = {"interval_minutes": 1, "last_attempt_at": NOW + second, "key_digest": key_digest_of("toy")}
    DataSource.objects.update(**values)
    assert list_due_sources(now=NOW + timedelta(minutes=1)) == ["toy"]
    assert list_due_sources(now=NOW + timedelta(seconds=30)) == []
    DataSource.objects.update(not_before=NOW + timedelta(minutes=1) + second)
    assert list_due_sources(now=NOW + timedelta(minutes=1)) == []
