"""One answer per Idempotency-Key: replays, refusals, crashes and fences."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import IdempotentAnswer, Organisation
from accounts.services import idempotency
from accounts.services.idempotency import Answer, answer_once, fingerprint_of, forget_old_answers
from accounts.services.organisations import create_organisation, create_team
from config.kernel.errors import Exhausted, InvalidInput, StillRunning

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AFTER_THE_LOCK = NOW + timedelta(seconds=idempotency.LOCK_SECONDS + 1)


class Work:
    """Counts its runs; what it does to the database is an organisation of that number."""

    def __init__(self, error: BaseException | None = None):
        self.runs = 0
        self.error = error

    def __call__(self) -> Answer:
        self.runs += 1
        Organisation.objects.create(name=f"made by run {self.runs}", country_code="BD", type="ngo")
        if self.error:
            raise self.error
        return Answer(201, {"run": self.runs})


def made():
    return Organisation.objects.filter(name__startswith="made by").count()


def ask(team_id, work, *, key="k-1", body=None, now=NOW):
    fingerprint = fingerprint_of("POST", "/api/v1/requests/", body or {"tokens": 1})
    return answer_once(team_id=team_id, key=key, fingerprint=fingerprint, now=now, work=work)


def claimed_by_a_try_that_died(team_id):
    """As a process leaves the key that was killed between its claim and its answer."""
    fingerprint = fingerprint_of("POST", "/api/v1/requests/", {"tokens": 1})
    return idempotency._claim(team_id=team_id, key="k-1", fingerprint=fingerprint, now=NOW)


def test_the_second_try_gets_the_first_answer_and_does_nothing(team_id):
    work = Work()
    first, second = ask(team_id, work), ask(team_id, work)
    assert (first.status_code, first.body, first.is_replay) == (201, {"run": 1}, False)
    assert (second.status_code, second.body, second.is_replay) == (201, {"run": 1}, True)
    assert (work.runs, made()) == (1, 1)


def test_without_a_key_every_try_works(team_id):
    work = Work()
    assert [ask(team_id, work, key=None).body["run"] for _ in range(2)] == [1, 2]
    assert IdempotentAnswer.objects.count() == 0


def test_another_body_under_the_same_key_is_refused_and_does_nothing(team_id):
    work = Work()
    ask(team_id, work)
    with pytest.raises(InvalidInput) as refusal:
        ask(team_id, work, body={"tokens": 2})
    assert (refusal.value.field, refusal.value.code) == ("Idempotency-Key", "key_reused")
    assert (work.runs, made()) == (1, 1)


def test_the_order_of_members_does_not_make_another_body():
    assert fingerprint_of("POST", "/x/", {"a": 1, "b": 2}) == fingerprint_of("POST", "/x/", {"b": 2, "a": 1})
    assert fingerprint_of("POST", "/x/", {}) != fingerprint_of("POST", "/y/", {})


@pytest.mark.parametrize("key", ["", "   ", "k" * 256, "schlüssel", "a\x00b", "a\nb"])
def test_a_malformed_key_is_refused_by_name_and_does_nothing(team_id, key):
    work = Work()
    with pytest.raises(InvalidInput) as refusal:
        ask(team_id, work, key=key)
    assert refusal.value.field == "Idempotency-Key"
    assert (work.runs, IdempotentAnswer.objects.count()) == (0, 0)


def test_the_longest_key_is_kept_whole(team_id):
    ask(team_id, Work(), key="k" * 255)
    assert IdempotentAnswer.objects.get().key == "k" * 255


def test_the_key_of_one_team_says_nothing_to_another(team_id):
    other = create_organisation(name="Other", country_code="KE", type="sme")
    other_team = create_team(organisation_id=other, name="A", origins=[], purposes=[])
    work = Work()
    ask(team_id, work)
    assert not ask(other_team, work, body={"tokens": 2}).is_replay
    assert made() == 2


@pytest.mark.parametrize("error", [Exhausted("The budget is spent."), RuntimeError("bug"), KeyboardInterrupt()])
def test_work_that_raises_is_undone_and_leaves_the_key_free(team_id, error):
    with pytest.raises(type(error)):
        ask(team_id, Work(error))
    assert (made(), IdempotentAnswer.objects.count()) == (0, 0)
    assert ask(team_id, Work()).status_code == 201


def test_while_the_first_try_runs_the_second_is_told_to_wait(team_id):
    claimed_by_a_try_that_died(team_id)
    work = Work()
    with pytest.raises(StillRunning) as refusal:
        ask(team_id, work, now=NOW + timedelta(seconds=idempotency.LOCK_SECONDS - 1))
    assert refusal.value.retry_after_seconds >= 1
    assert work.runs == 0


def test_a_try_that_died_is_taken_over_after_its_lock(team_id):
    claimed_by_a_try_that_died(team_id)
    assert ask(team_id, Work(), now=AFTER_THE_LOCK).body == {"run": 1}
    assert IdempotentAnswer.objects.get().fence == 2


def test_answers_are_kept_for_two_days(team_id):
    ask(team_id, Work())
    assert forget_old_answers(now=NOW + timedelta(hours=47)) == 0
    assert forget_old_answers(now=NOW + timedelta(hours=49)) == 1
    assert IdempotentAnswer.objects.count() == 0
