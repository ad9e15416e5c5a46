"""Bodies and answers of facts, memory and sessions that are alike."""

from __future__ import annotations

from rest_framework import serializers

from config.kernel.paging import PageIn
from config.kernel.rest import StrictSerializer
from sessions_app.api.life_serializers import AGENT_NAME, MODES
from sessions_app.domain.words import FactKind
from sessions_app.selectors.recall import MemoryKind
from sessions_app.services.memory.facts import LONGEST_FACT_CHARACTERS

FACT_KINDS = [each.value for each in FactKind]
MEMORY_KINDS = [each.value for each in MemoryKind]
PLACES = ["fact", "item", "state", "event", "checkpoint"]
FOUND_BY = ["words", "vector"]
FORESIGHT_BASES = ["mode", "similar_sessions"]
MOST_QUERY_CHARACTERS = 4000
LARGEST_NUMBER = 2**31 - 1


class TellerIn(StrictSerializer):
    """Who tells, if an agent does."""

    agent = serializers.RegexField(AGENT_NAME, max_length=80, required=False, allow_blank=True, default="")
    epoch = serializers.IntegerField(
        min_value=1, max_value=LARGEST_NUMBER, required=False, allow_null=True, default=None
    )


class FactIn(TellerIn):
    """Body of `POST /api/v1/sessions/{id}/facts/`."""

    kind = serializers.ChoiceField(choices=FACT_KINDS)
    text = serializers.CharField(max_length=LONGEST_FACT_CHARACTERS)
    is_pinned = serializers.BooleanField(
        required=False, default=False, help_text="In every prompt, summary and continuity document."
    )
    supersedes = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST_NUMBER,
        required=False,
        allow_null=True,
        default=None,
        help_text="The number of the fact whose place it takes.",
    )


class NewerFactIn(TellerIn):
    """Body of `POST .../facts/{number}/supersede/`."""

    text = serializers.CharField(max_length=LONGEST_FACT_CHARACTERS)
    kind = serializers.ChoiceField(
        choices=FACT_KINDS, required=False, allow_null=True, default=None, help_text="By default that of the old one."
    )


class PinIn(StrictSerializer):
    """Body of `PATCH .../facts/{number}/`."""

    is_pinned = serializers.BooleanField()


class FactsIn(PageIn):
    """Query of `GET .../facts/`."""

    kind = serializers.ChoiceField(choices=FACT_KINDS, required=False, default=None)
    pinned = serializers.BooleanField(required=False, default=False)
    superseded = serializers.BooleanField(
        required=False, default=False, help_text="Also facts whose place a newer one has taken."
    )


class FactOut(serializers.Serializer):  # type: ignore[type-arg]
    """A fact."""

    number = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=FACT_KINDS)
    text = serializers.CharField()
    agent = serializers.CharField()
    is_pinned = serializers.BooleanField()
    seq = serializers.IntegerField(source="from_seq", help_text="The event that tells it.")
    superseded_by = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField()


class MemoryIn(StrictSerializer):
    """Query of `GET .../memory/`."""

    kind = serializers.ChoiceField(choices=MEMORY_KINDS, required=False, default=MemoryKind.WORKING.value)
    q = serializers.CharField(
        max_length=MOST_QUERY_CHARACTERS, required=False, default="", help_text="Only what shares words with this."
    )
    page = serializers.IntegerField(min_value=1, max_value=10_000, required=False, default=1)


class MemoryOut(serializers.Serializer):  # type: ignore[type-arg]
    """Something remembered."""

    place = serializers.ChoiceField(source="source", choices=PLACES)
    ref = serializers.CharField(help_text="What it is called there: number, key, pointer or id.")
    session = serializers.UUIDField(source="session_id")
    text = serializers.CharField(help_text="Of an item 300 characters, of a summary 2,000; the whole is at `ref`.")
    agent = serializers.CharField()
    is_pinned = serializers.BooleanField()
    tokens = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="When it leaves this memory; null: it stays.")


class AlikeOut(serializers.Serializer):  # type: ignore[type-arg]
    """A past session that is like this one."""

    session = serializers.UUIDField(source="session_id")
    name = serializers.CharField()
    purpose = serializers.CharField()
    mode = serializers.ChoiceField(choices=MODES)
    is_over = serializers.BooleanField()
    tokens_used = serializers.IntegerField()
    seconds = serializers.IntegerField()
    score = serializers.FloatField(help_text="0 to 1: the larger of what words and vector say.")
    terms = serializers.ListField(child=serializers.CharField(), help_text="Words that say why, without endings.")
    found_by = serializers.ListField(child=serializers.ChoiceField(choices=FOUND_BY))
    cosine = serializers.FloatField(allow_null=True, help_text="Of the vectors; null where none were compared.")
    at = serializers.DateTimeField()


class ForesightOut(serializers.Serializer):  # type: ignore[type-arg]
    """Tokens that such a session may spend, with what that rests on."""

    expected_tokens = serializers.IntegerField()
    hold_tokens = serializers.IntegerField(help_text="What 95 of 100 stay within.")
    low_tokens = serializers.IntegerField()
    high_tokens = serializers.IntegerField()
    prior_expected_tokens = serializers.IntegerField(help_text="By the shape of the work alone.")
    prior_hold_tokens = serializers.IntegerField()
    basis = serializers.ChoiceField(choices=FORESIGHT_BASES)
    weight = serializers.FloatField(help_text="0 to 1: how much the sessions that are alike count.")
    precedents = serializers.IntegerField()


class VectorsOut(serializers.Serializer):  # type: ignore[type-arg]
    """What part vectors of what sessions are about had in the answer."""

    model = serializers.CharField(help_text="Embedding model that the session's policy names; empty: none.")
    are_used = serializers.BooleanField()
    why_not = serializers.CharField(
        help_text="Empty, no_model, no_pgvector, no_budget, waiting, not_asked, unusable_vector, lost, text_only, or "
        "the code of the refusal of the call that was to make the session's vector."
    )
    words = serializers.CharField(help_text="The same in a sentence.")


class AlikeAnswerOut(serializers.Serializer):  # type: ignore[type-arg]
    """Sessions that are alike, best first, and what they say of the tokens that are needed."""

    results = AlikeOut(many=True)
    estimate = ForesightOut()
    vectors = VectorsOut()


class AlikeIn(StrictSerializer):
    """Query of `GET /api/v1/sessions/similar/`."""

    text = serializers.CharField(max_length=MOST_QUERY_CHARACTERS, help_text="What the new session is about.")
    mode = serializers.ChoiceField(choices=MODES, required=False, default="express")
    roles = serializers.IntegerField(min_value=1, max_value=100, required=False, default=1)
    purpose = serializers.CharField(max_length=60, required=False, default="")
    limit = serializers.IntegerField(min_value=1, max_value=50, required=False, default=5)
