"""What comes in and goes out; every refusal names its field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from budgets.domain.estimates import EstimateBasis
from config.kernel.rest import StrictSerializer
from market.domain.asks import LARGEST_REQUEST_TOKENS, Ask, WhatIf
from market.domain.policy import LATENCY_CLASSES, MODEL_CLASSES

LONGEST_TEXT_CHARACTERS = 2_000_000
STATUSES = ["granted", "partial", "queued", "denied", "cancelled", "settled", "expired"]


class TokensField(serializers.IntegerField):
    """A JSON integer: no fraction, no text that looks like a number, no boolean."""

    def to_internal_value(self, data: Any) -> int:
        """The integer, or an error."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class ShareField(serializers.FloatField):
    """A finite JSON number within bounds."""

    def to_internal_value(self, data: Any) -> float:
        """The number, or an error."""
        if isinstance(data, bool) or not isinstance(data, int | float) or data != data:
            self.fail("invalid")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """true or false, and nothing that could mean either."""

    def to_internal_value(self, data: Any) -> bool:
        """The flag, or an error."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class MessageIn(StrictSerializer):
    """One chat message, to be counted."""

    role = serializers.CharField(max_length=40)
    content = serializers.CharField(max_length=LONGEST_TEXT_CHARACTERS, allow_blank=True, trim_whitespace=False)


class WhatIfIn(StrictSerializer):
    """A signal to suppose in place of the real one; needs the scope requests:simulate."""

    intensity_g_per_kwh = ShareField(min_value=0, max_value=2000)
    renewable_share = ShareField(min_value=0, max_value=1, required=False, allow_null=True, default=None)


class AskIn(StrictSerializer):
    """Body of `POST /api/v1/requests/` and `/quote/`."""

    purpose = serializers.CharField(max_length=60)
    origin = serializers.RegexField(
        r"^[A-Z]{2}$",
        required=False,
        allow_null=True,
        default=None,
        error_messages={"invalid": "Send two capital letters, as in ISO 3166-1."},
    )
    model_class = serializers.ChoiceField(choices=list(MODEL_CLASSES))
    tokens = TokensField(min_value=1, max_value=LARGEST_REQUEST_TOKENS, required=False, allow_null=True, default=None)
    input_tokens = TokensField(
        min_value=0, max_value=LARGEST_REQUEST_TOKENS, required=False, allow_null=True, default=None
    )
    messages = serializers.ListField(child=MessageIn(), required=False, allow_null=True, default=None, max_length=1000)
    text = serializers.CharField(
        max_length=LONGEST_TEXT_CHARACTERS, required=False, allow_null=True, default=None, trim_whitespace=False
    )
    mode = serializers.ChoiceField(choices=["express", "council"], required=False, allow_null=True, default=None)
    roles = TokensField(min_value=1, max_value=64, required=False, default=1)
    complexity = ShareField(min_value=0, max_value=1, required=False, allow_null=True, default=None)
    budget = serializers.UUIDField(required=False, allow_null=True, default=None)
    earliest = serializers.DateTimeField(required=False, allow_null=True, default=None)
    latest = serializers.DateTimeField(required=False, allow_null=True, default=None)
    latency_class = serializers.ChoiceField(choices=list(LATENCY_CLASSES), required=False, default="anywhere")
    eligible_regions = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, allow_null=True, default=None, max_length=500
    )
    residency = serializers.ListField(
        child=serializers.RegexField(
            r"^[A-Z]{2}$", error_messages={"invalid": "Send two capital letters, as in ISO 3166-1."}
        ),
        required=False,
        allow_null=True,
        default=None,
        max_length=300,
        help_text="Countries that its data may not leave.",
    )
    min_cfe_share = ShareField(
        min_value=0,
        max_value=1,
        required=False,
        allow_null=True,
        default=None,
        help_text="Carbon-free share that region and hour must have, contracts and grid together.",
    )
    may_split = FlagField(
        required=False, default=False, help_text="Work that can wait may be served in several regions and hours."
    )
    price_cap_usd = serializers.DecimalField(
        max_digits=18, decimal_places=6, min_value=Decimal(0), required=False, allow_null=True, default=None
    )
    policy = serializers.CharField(max_length=40, required=False, allow_null=True, default=None)
    carbon = WhatIfIn(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Tokens must be stated, countable or estimable from the shape of the work."""
        if attrs["text"] is not None and attrs["messages"] is not None:
            raise serializers.ValidationError({"text": "Send text or messages, not both."})
        shape = (attrs["tokens"], attrs["text"], attrs["messages"], attrs["mode"], attrs["complexity"])
        if all(each is None for each in shape):
            raise serializers.ValidationError(
                {"tokens": "Say how many tokens, or send text, messages or a mode to estimate them from."}
            )
        return attrs


def ask_of(values: dict[str, Any]) -> Ask:
    """The validated body as what the service takes."""
    cap = values["price_cap_usd"]
    messages = values["messages"]
    return Ask(
        purpose=values["purpose"],
        origin=values["origin"],
        model_class=values["model_class"],
        tokens=values["tokens"],
        input_tokens=values["input_tokens"],
        text="\n".join(each["content"] for each in messages) if messages is not None else values["text"],
        mode=values["mode"],
        roles=values["roles"],
        complexity=values["complexity"],
        budget_id=values["budget"],
        earliest=values["earliest"],
        latest=values["latest"],
        latency_class=values["latency_class"],
        eligible_regions=tuple(values["eligible_regions"]) if values["eligible_regions"] is not None else None,
        residency=tuple(dict.fromkeys(values["residency"])) if values["residency"] is not None else None,
        min_cfe_share=values["min_cfe_share"],
        may_split=values["may_split"],
        price_cap_micro_usd=int(cap * 1_000_000) if cap is not None else None,
        policy=values["policy"],
        what_if=WhatIf(**values["carbon"]) if values["carbon"] else None,
    )


class FiltersIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/requests/`. Other parameters are left alone."""

    status = serializers.ChoiceField(choices=STATUSES, required=False)
    purpose = serializers.CharField(max_length=60, required=False)
    origin = serializers.RegexField(r"^[A-Z]{2}$", required=False)
    model_class = serializers.ChoiceField(choices=list(MODEL_CLASSES), required=False)
    page = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False, default=1)


class SettleIn(StrictSerializer):
    """Body of `POST /api/v1/requests/{id}/settle/`."""

    used_tokens = TokensField(min_value=0, max_value=LARGEST_REQUEST_TOKENS)
    quality = ShareField(min_value=0, max_value=1, required=False, allow_null=True, default=None)
    collaboration = ShareField(min_value=0, max_value=1, required=False, allow_null=True, default=None)
    fence = TokensField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        allow_null=True,
        default=None,
        help_text="The hold's number. An old one is refused: somebody else has taken the work over.",
    )


class DispatchIn(StrictSerializer):
    """Body of `POST /api/v1/requests/{id}/dispatch/`."""

    fence = TokensField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        allow_null=True,
        default=None,
        help_text="The hold's number: to work longer, or to take the work over.",
    )


class EmptyIn(StrictSerializer):
    """Body of actions that need none."""


class RangeOut(serializers.Serializer):  # type: ignore[type-arg]
    """A figure with its range."""

    low = serializers.FloatField()
    central = serializers.FloatField()
    high = serializers.FloatField()


class PlacementOut(serializers.Serializer):  # type: ignore[type-arg]
    """Where the work runs."""

    code = serializers.CharField()
    zone = serializers.CharField()


class PriceOut(serializers.Serializer):  # type: ignore[type-arg]
    """Price build-up in US$, decimal strings; total = service + carbon + justice - renewable."""

    service_usd = serializers.CharField()
    carbon_usd = serializers.CharField()
    justice_usd = serializers.CharField()
    renewable_usd = serializers.CharField()
    total_usd = serializers.CharField()


class CarbonOut(serializers.Serializer):  # type: ignore[type-arg]
    """Energy (Wh) and carbon (g CO2e) of the grant, and the signal they come from."""

    energy_wh = RangeOut()
    location_g = RangeOut()
    market_g = serializers.FloatField()
    intensity_g_per_kwh = serializers.FloatField()
    basis = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    as_of = serializers.DateTimeField()
    kind = serializers.CharField()
    scope = serializers.CharField()
    avoided_g = serializers.FloatField(allow_null=True)
    avoided_reference = serializers.CharField()
    avoided_label = serializers.CharField()


class FactorOut(serializers.Serializer):  # type: ignore[type-arg]
    """One factor of the weight."""

    name = serializers.CharField()
    value = serializers.FloatField()


class PriorityOut(serializers.Serializer):  # type: ignore[type-arg]
    """The weight and what it is made of."""

    weight = serializers.FloatField()
    factors = FactorOut(many=True)


class HoldOut(serializers.Serializer):  # type: ignore[type-arg]
    """The reservation that pays. `is_shared`: it pays for all planned work of the budget together."""

    id = serializers.UUIDField()
    fence = serializers.IntegerField(
        allow_null=True, help_text="Show it with the next change; null where the hold is shared: then send none."
    )
    expires_at = serializers.DateTimeField()
    is_shared = serializers.BooleanField()


class PartOut(serializers.Serializer):  # type: ignore[type-arg]
    """One part of a split grant."""

    region = serializers.CharField()
    starts_at = serializers.DateTimeField()
    tokens = serializers.IntegerField()


class PolicyOut(serializers.Serializer):  # type: ignore[type-arg]
    """The policy version that decided."""

    name = serializers.CharField()
    version = serializers.IntegerField()


class WorkKindOut(serializers.Serializer):  # type: ignore[type-arg]
    """A group of work that is estimated alike."""

    mode = serializers.CharField()
    role_count = serializers.IntegerField()
    complexity_band = serializers.CharField()
    model_class = serializers.CharField()
    purpose = serializers.CharField()


class EstimateOut(serializers.Serializer):  # type: ignore[type-arg]
    """What was predicted when the work was asked for, in tokens beyond the input."""

    p50_tokens = serializers.IntegerField()
    p95_tokens = serializers.IntegerField()
    basis = serializers.ChoiceField(choices=[each.value for each in EstimateBasis])
    kind = WorkKindOut()
    group = WorkKindOut()
    outcome_count = serializers.IntegerField()


class RequestOut(serializers.Serializer):  # type: ignore[type-arg]
    """A request with its latest decision."""

    id = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(choices=STATUSES)
    granted_tokens = serializers.IntegerField()
    region = PlacementOut(allow_null=True)
    starts_at = serializers.DateTimeField(allow_null=True)
    parts = PartOut(many=True, allow_null=True)
    planned_by_run = serializers.IntegerField(
        allow_null=True, help_text="The run whose plan grants it; a later pass may move it until it is taken up."
    )
    price = PriceOut(allow_null=True)
    carbon = CarbonOut(allow_null=True)
    priority = PriorityOut()
    hold = HoldOut(allow_null=True)
    policy = PolicyOut()
    explanation = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())
    simulated = serializers.BooleanField()
    purpose = serializers.CharField()
    origin = serializers.CharField()
    model_class = serializers.CharField()
    tokens = serializers.IntegerField()
    input_tokens = serializers.IntegerField(allow_null=True)
    tokens_basis = serializers.ChoiceField(choices=["stated", "counted", "estimated"])
    estimate = EstimateOut(allow_null=True)
    mode = serializers.CharField()
    latency_class = serializers.CharField()
    residency = serializers.ListField(child=serializers.CharField(), allow_null=True)
    min_cfe_share = serializers.FloatField(allow_null=True)
    may_split = serializers.BooleanField()
    earliest = serializers.DateTimeField()
    latest = serializers.DateTimeField()
    budget = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField()
    settlement = serializers.DictField(allow_null=True)


class ExplainOut(serializers.Serializer):  # type: ignore[type-arg]
    """The stored inputs, the stored verdict, and the verdict computed again."""

    explanation = serializers.CharField()
    policy = serializers.DictField()
    inputs = serializers.DictField()
    stored = serializers.DictField()
    recomputed = serializers.DictField()
    agrees = serializers.BooleanField()
    plan = serializers.DictField(
        allow_null=True, help_text="The story of the plan that placed it, as data and in `words`; null: none did."
    )
