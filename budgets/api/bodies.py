"""What comes in; every refusal names its field."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from rest_framework import serializers
from rest_framework.request import Request

from budgets.api.fields import AmountField, WholeField
from budgets.domain.adjustments import AdjustmentKind
from budgets.domain.gears import GearChoice
from budgets.domain.levels import Level
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from climate.domain.model_classes import MODEL_CLASSES
from config.kernel.rest import StrictSerializer

T = TypeVar("T", bound=serializers.Serializer[Any])
LONGEST_REASON = 300
LONGEST_LEASE_SECONDS = 31 * 24 * 3600
PERIODS = [period.value for period in Period]
LEVELS = [level.value for level in Level]
GEARS = [gear.value for gear in GearChoice]
UNITS = [unit.value for unit in Unit]
CLASSES = list(MODEL_CLASSES)
ADJUSTMENT_KINDS = [kind.value for kind in AdjustmentKind]


def asked(serializer_class: type[T], request: Request) -> Mapping[str, Any]:
    """The query's values; a ValidationError names each parameter at fault, unknown ones too."""
    serializer = serializer_class(data=request.query_params.dict())
    serializer.is_valid(raise_exception=True)
    values: Mapping[str, Any] = serializer.validated_data
    return values


class KnobsIn(StrictSerializer):
    """Settings of a budget; amounts in its unit. What is left out stays as it is, or begins at its default."""

    level = serializers.ChoiceField(choices=LEVELS, required=False)
    window_hours = WholeField(
        min_value=1, max_value=31 * 24, required=False, allow_null=True, help_text="How long spending counts."
    )
    rollover_percent = WholeField(min_value=0, max_value=100, required=False)
    rollover_cap_percent = WholeField(min_value=0, max_value=1000, required=False)
    overflow_percent = WholeField(min_value=0, max_value=1000, required=False)
    tradeable_percent = WholeField(
        min_value=0, max_value=100, required=False, help_text="How much of its base may be sold or lent in a period."
    )
    pool = AmountField(required=False)
    floor = AmountField(required=False)
    warning_amounts = serializers.ListField(child=AmountField(), required=False, max_length=10)
    needs_two = serializers.BooleanField(required=False)
    gear = serializers.ChoiceField(choices=GEARS, required=False)


class BudgetIn(KnobsIn):
    """Body of `POST /api/v1/budgets/`."""

    name = serializers.CharField(max_length=120)
    parent = serializers.UUIDField(required=False, allow_null=True, default=None)  # type: ignore[assignment]
    unit = serializers.ChoiceField(choices=UNITS)
    model_class = serializers.ChoiceField(
        choices=CLASSES,
        required=False,
        allow_blank=True,
        default="",
        help_text="Pays for work of this class only, for good. Empty: as the budget above it, or for every class.",
    )
    limit = AmountField()
    period = serializers.ChoiceField(choices=PERIODS, default=Period.ONE_OFF.value)


class BudgetChangeIn(KnobsIn):
    """Body of `PATCH /api/v1/budgets/{id}/`. The limit is set by `allot/`."""

    name = serializers.CharField(max_length=120, required=False)


class AllotIn(StrictSerializer):
    """Body of `POST /api/v1/budgets/{id}/allot/`."""

    limit = AmountField()
    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, default="")


class BudgetReasonIn(StrictSerializer):
    """Why something is done; the ledger keeps it."""

    reason = serializers.CharField(max_length=LONGEST_REASON)


class RebalanceIn(StrictSerializer):
    """Body of `POST /api/v1/budgets/{id}/rebalance/`."""

    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, default="")
    trial = serializers.BooleanField(required=False, default=False, help_text="Say what would change; change nothing.")


class TransferIn(StrictSerializer):
    """Body of `POST /api/v1/budgets/{id}/transfer/`."""

    to = serializers.UUIDField()
    amount = AmountField()
    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, default="")


class SwarmIn(StrictSerializer):
    """Body of `POST /api/v1/budgets/{id}/swarms/`. Without an amount a swarm gets the usual allotment."""

    name = serializers.CharField(max_length=120)
    amount = AmountField(required=False, allow_null=True, default=None)


class FromTemplateIn(StrictSerializer):
    """Body of `POST /api/v1/budgets/from-template/`."""

    template = serializers.CharField(max_length=60)
    name = serializers.CharField(max_length=120)
    parent = serializers.UUIDField(required=False, allow_null=True, default=None)  # type: ignore[assignment]


class AdjustmentIn(StrictSerializer):
    """Body of `POST /api/v1/budgets/{id}/adjustments/`."""

    kind = serializers.ChoiceField(choices=ADJUSTMENT_KINDS)
    amount = AmountField(
        required=False, allow_null=True, default=None, help_text="The new limit, or what is added to spent."
    )
    reason = serializers.CharField(max_length=LONGEST_REASON)


class HoldIn(StrictSerializer):
    """Which hold; `fence` is the number that its last change gave, to prove that nobody took it over."""

    hold = serializers.UUIDField()
    fence = WholeField(min_value=1, max_value=2**31 - 1, required=False, allow_null=True, default=None)


class ReleaseIn(HoldIn):
    """Body of `POST /api/v1/budgets/{id}/release/`."""

    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, default="")


class HoldDispatchIn(HoldIn):
    """Body of `POST /api/v1/budgets/{id}/dispatch/`."""

    lease_seconds = WholeField(min_value=1, max_value=LONGEST_LEASE_SECONDS, required=False, default=3600)


class HoldSettleIn(HoldIn):
    """Body of `POST /api/v1/budgets/{id}/settle/`. A unit that is left out is settled at what was held of it."""

    amount = AmountField(required=False, help_text="In the budget's own unit, in place of that one.")
    tokens = WholeField(min_value=0, max_value=10**15, required=False)
    carbon_g = AmountField(required=False, help_text="g CO2e.")
    usd = serializers.DecimalField(min_value=Decimal(0), max_digits=18, decimal_places=6, required=False)
    energy_wh = AmountField(required=False, help_text="Wh.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Not below zero, and something of what was used."""
        for name in ("amount", "carbon_g", "energy_wh"):
            if attrs.get(name, 0) < 0:
                raise serializers.ValidationError({name: "Not below zero."})
        parts = attrs.keys() & {"tokens", "carbon_g", "usd", "energy_wh"}
        if not parts and "amount" not in attrs:
            words = "Say what was used: `amount`, `tokens`, `carbon_g`, `usd` or `energy_wh`."
            raise serializers.ValidationError({"amount": words})
        if parts and "amount" in attrs:
            raise serializers.ValidationError({"amount": "Send `amount`, or some of the others."})
        return attrs


class DecisionIn(StrictSerializer):
    """Body of `accept/`, `approve/` and `reject/`."""

    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, default="")


class EmptyIn(StrictSerializer):
    """Body of actions that need none."""
