"""Rounds as the API takes and answers them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.kernel.rest import StrictSerializer
from sessions_app.api.gateway.answers import plain
from sessions_app.domain.agreement import Decision, MarkKind
from sessions_app.domain.gateway.table import LEAST_MEMBERS, MOST_MEMBERS, MOST_VALUES
from sessions_app.domain.gateway.wire import LATENCY_CLASSES
from sessions_app.domain.words import Stance
from sessions_app.models import Round, RoundRun
from sessions_app.selectors.round_runs import Cost
from sessions_app.services.rounds.closing import Why

STANCES = [each.value for each in Stance]
DECISIONS = [each.value for each in Decision]
VERDICTS = [Decision.AGREE.value, Decision.DISSENT.value]
MARKS = [each.value for each in MarkKind]
REASONS = [each.value for each in Why]
ROUND_STATUSES = Round.Status.choices
RUN_STATUSES = RoundRun.Status.choices
LONGEST_TEXT = 100_000
MOST_TOKENS = 2**31 - 1


OF_RUNS = (
    *("table", "members", "values", "reflective_model", "most_tokens", "purpose", "origin", "is_proposal"),
    *("residency", "latency_class"),
)
"""Fields that say something only of a round that the gateway drives."""


class MemberIn(StrictSerializer):
    """Who sits at a round table."""

    name = serializers.CharField(max_length=80)
    role = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    model = serializers.CharField(max_length=120, help_text="As callers of the gateway name it.")
    memory = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default="", help_text="What it always keeps in mind."
    )
    serves = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        default=list,
        max_length=MOST_VALUES,
        help_text="Values that it stands for: the sum of their weights is its priority.",
    )


class SeatsIn(StrictSerializer):
    """Who sits there, and what the user cares for."""

    members = serializers.ListField(child=MemberIn(), required=False, min_length=LEAST_MEMBERS, max_length=MOST_MEMBERS)
    values = serializers.DictField(
        child=serializers.FloatField(min_value=0, max_value=1),
        required=False,
        help_text="What the user cares for: weights by name that sum to 1.",
    )
    reflective_model = serializers.CharField(
        max_length=120, required=False, allow_blank=True, help_text="Chooses in the end; by default the first member's."
    )

    def validate_values(self, values: dict[str, float]) -> dict[str, float]:
        """Names that can be stored and read."""
        name = serializers.CharField(max_length=60)
        return {name.run_validation(each): weight for each, weight in values.items()}


class RoundIn(SeatsIn):
    """Body of `POST rounds/`: a `topic` for agents who speak for themselves, or a `question` with `run` for the
    gateway to drive."""

    topic = serializers.CharField(max_length=10_000, required=False)
    agents = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        max_length=100,
        help_text="Of a topic. By default all active agents.",
    )
    question = serializers.CharField(max_length=10_000, required=False)
    table = serializers.CharField(max_length=60, required=False, help_text="The name of a round table of your team.")
    most_tokens = serializers.IntegerField(
        min_value=1,
        max_value=2**53,
        required=False,
        help_text="It stops before it would spend more, as tokens are counted before a call.",
    )
    purpose = serializers.CharField(max_length=60, required=False)
    origin = serializers.CharField(max_length=2, required=False)
    residency = serializers.ListField(
        child=serializers.RegexField(
            r"^[A-Z]{2}$", error_messages={"invalid": "Send two capital letters, as in ISO 3166-1."}
        ),
        required=False,
        allow_empty=False,
        max_length=300,
        help_text="Countries that the words of the round may go to; by default any.",
    )
    latency_class = serializers.ChoiceField(
        choices=LATENCY_CLASSES, required=False, help_text="How far a region may be; by default anywhere."
    )
    is_proposal = serializers.BooleanField(
        required=False,
        help_text="Whether the question is something to be for or against; by default told by how it begins.",
    )
    run = serializers.BooleanField(required=False, default=False, help_text="Let the gateway ask the agents.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One kind of round or the other, and nothing that the kind does not know."""
        is_driven = attrs["run"]
        needed, foreign = ("question", ("topic", "agents")) if is_driven else ("topic", ("question", *OF_RUNS))
        if needed not in attrs:
            raise serializers.ValidationError({needed: [self._error("This field is required.", "required")]})
        if wrong := [name for name in foreign if name in attrs]:
            words = (
                "A round that the gateway drives has none." if is_driven else 'Send it with a question and "run": true.'
            )
            raise serializers.ValidationError({name: [self._error(words, "not_of_this_kind")] for name in wrong})
        return attrs

    @staticmethod
    def _error(words: str, code: str) -> serializers.ErrorDetail:
        return serializers.ErrorDetail(words, code=code)


class TurnIn(StrictSerializer):
    """Body of `POST rounds/{id}/turns/`."""

    agent = serializers.CharField(max_length=80)
    epoch = serializers.IntegerField(min_value=1, max_value=MOST_TOKENS)
    stance = serializers.ChoiceField(choices=STANCES)
    confidence = serializers.FloatField(min_value=0, max_value=1, help_text="How sure: 0 to 1.")
    text = serializers.CharField(max_length=LONGEST_TEXT)
    reason = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default="", help_text="Why it dissents or abstains; kept."
    )
    prompt_tokens = serializers.IntegerField(min_value=0, max_value=MOST_TOKENS, required=False, default=0)
    output_tokens = serializers.IntegerField(
        min_value=0, max_value=MOST_TOKENS, required=False, allow_null=True, default=None, help_text="Else counted."
    )


class CloseIn(StrictSerializer):
    """Body of `POST rounds/{id}/close/`."""

    verdict = serializers.ChoiceField(
        choices=VERDICTS,
        required=False,
        allow_null=True,
        default=None,
        help_text="What was right: agents' confidence is calibrated by it. Also for a round that closed by itself.",
    )
    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class RoundsQuery(StrictSerializer):
    """Query of `GET rounds/`."""

    status = serializers.ChoiceField(choices=ROUND_STATUSES, required=False, default=None)
    page = serializers.IntegerField(min_value=1, max_value=100_000, required=False, default=1)


class RoundQuery(StrictSerializer):
    """Query of `GET rounds/{id}/`."""

    agent = serializers.CharField(
        max_length=80, required=False, default=None, help_text="Who reads: sees its own turn in a blind cycle."
    )


class MarkOut(serializers.Serializer):  # type: ignore[type-arg]
    """Something to look at: an unmarked dissent, perhaps, or a repeat."""

    kind = serializers.ChoiceField(choices=MARKS)
    agent = serializers.CharField(help_text="Whose words do not fit; empty for the topic.")
    own = serializers.CharField()
    other = serializers.CharField()


class TurnOut(serializers.Serializer):  # type: ignore[type-arg]
    """What an agent said in a cycle."""

    agent = serializers.CharField()
    cycle = serializers.IntegerField()
    stance = serializers.ChoiceField(choices=STANCES)
    confidence = serializers.FloatField()
    text = serializers.CharField(help_text="Empty where it has left the hot tier; then see its archive.")
    reason = serializers.CharField()
    marks = MarkOut(many=True)
    prompt_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    at = serializers.DateTimeField()
    archive = serializers.IntegerField(source="archive_id", allow_null=True)


class SpeakerOut(serializers.Serializer):  # type: ignore[type-arg]
    """An agent of a round, and how its confidence is taken."""

    agent = serializers.CharField()
    has_spoken = serializers.BooleanField()
    confidence = serializers.FloatField(allow_null=True, help_text="Its last, as calibrated.")
    calibration = serializers.FloatField(help_text="Factor on what its confidence says beyond a half.")
    brier = serializers.FloatField(allow_null=True, help_text="Of past answers: 0 is perfect, 0.25 says nothing.")
    answers = serializers.IntegerField()


class RoundCostOut(serializers.Serializer):  # type: ignore[type-arg]
    """What something took."""

    tokens = serializers.IntegerField(allow_null=True, help_text="Input and output.")
    micro_usd = serializers.IntegerField(allow_null=True)
    g = serializers.SerializerMethodField(help_text="Grams of CO2e, location-based: a decimal without an exponent.")

    def get_g(self, cost: Cost) -> str | None:
        """As the gateway's headers say it."""
        return None if cost.g is None else plain(cost.g)


class RoundRunOut(serializers.Serializer):  # type: ignore[type-arg]
    """How the gateway drives a round."""

    question = serializers.CharField()
    table = serializers.JSONField(help_text="Who sits there, as it was when the round began.")
    purpose = serializers.CharField()
    origin = serializers.CharField()
    residency = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Countries that its words may go to; null: any."
    )
    latency_class = serializers.ChoiceField(choices=LATENCY_CLASSES)
    most_tokens = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=RUN_STATUSES)
    calls = serializers.IntegerField()
    spent = RoundCostOut()
    single = RoundCostOut(help_text="What one blind answer of the first cycle took, on average: the comparison.")
    times_single = serializers.FloatField(allow_null=True, help_text="How many times the tokens of a single answer.")
    stopped_because = serializers.CharField(
        help_text="quorum, most_cycles, stalled, closed, budget, most_tokens, deadline or failed."
    )
    answer = serializers.CharField()
    chosen_agent = serializers.CharField()
    reason = serializers.CharField(help_text="Why that answer.")
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RoundOut(serializers.Serializer):  # type: ignore[type-arg]
    """A round."""

    id = serializers.UUIDField()
    session = serializers.UUIDField(source="session_id")
    topic = serializers.CharField()
    agents = serializers.ListField(child=serializers.CharField())
    cycle = serializers.IntegerField()
    status = serializers.ChoiceField(choices=ROUND_STATUSES)
    is_blind = serializers.BooleanField(help_text="Nobody sees the others until all have answered.")
    waiting_for = serializers.ListField(child=serializers.CharField())
    next_agent = serializers.CharField(allow_null=True, help_text="Null: all who wait may speak.")
    speakers = SpeakerOut(many=True)
    turns = TurnOut(many=True)
    heard = TurnOut(many=True, help_text="What to read before speaking: the last words of each, without repeats.")
    outcome = serializers.JSONField(
        help_text="Empty while open. decision, agreement_percent, why, dissents with reasons, unmarked, verdict."
    )
    prompt_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    started_by = serializers.CharField()
    started_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    run = RoundRunOut(allow_null=True, help_text="Null where agents speak for themselves.")


class TurnTakenOut(serializers.Serializer):  # type: ignore[type-arg]
    """A turn that was taken, and the round after it."""

    seq = serializers.IntegerField(help_text="The event that tells it.")
    round = RoundOut()
