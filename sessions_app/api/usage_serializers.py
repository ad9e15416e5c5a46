"""Bodies about windows and use, and what services take of them. Tokens are whole numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from budgets.domain.spending import amounts_of_parts
from budgets.domain.units import Amounts
from config.kernel.paging import PageIn
from config.kernel.rest import StrictSerializer
from sessions_app.domain.windows import Verdict
from sessions_app.domain.words import Component, ItemKind, Rung
from sessions_app.models import ContextItem, Event
from sessions_app.services.windows.allocations import RoomAsk
from sessions_app.services.windows.items import ItemAsk
from sessions_app.services.windows.usage import StatePatch, UsageReport

MOST_TOKENS = 100_000_000
MOST_ITEM_TOKENS = 10_000_000
LONGEST_TEXT_CHARACTERS = 2_000_000
MOST_ITEMS_AT_ONCE = 100
MOST_MESSAGES = 1_000
LEAST_LEASE_SECONDS, MOST_LEASE_SECONDS, USUAL_LEASE_SECONDS = 10, 86_400, 600
COMPONENTS = [each.value for each in Component]
KINDS = [each.value for each in ItemKind]
ITEM_STATUSES = ContextItem.Status.choices
RUNGS = [each.value for each in Rung]
VERDICTS = [each.value for each in Verdict]
FORMATS = [Event.Format.MERGE.value, Event.Format.PATCH.value]
LARGEST_EPOCH = 2**31 - 1
LARGEST_SEQ = 2**63 - 1


def _tokens(most: int = MOST_TOKENS, **options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=most, required=False, **options)


def _text(**options: Any) -> serializers.CharField:
    return serializers.CharField(
        max_length=LONGEST_TEXT_CHARACTERS, required=False, allow_blank=True, trim_whitespace=False, **options
    )


class EpochField(serializers.IntegerField):
    """Which life of its agent the caller believes to be."""

    def __init__(self, **options: Any):
        words = "As joining told it: an earlier life of the agent is refused with 409 stale_epoch."
        super().__init__(**{"min_value": 1, "max_value": LARGEST_EPOCH, "help_text": words, **options})


class AmountPart(serializers.DecimalField):
    """A part of a hold in its own unit."""

    def __init__(self, **options: Any):
        limits = {"max_digits": 18, "decimal_places": 6, "min_value": Decimal(0)}
        super().__init__(**{**limits, "required": False, "default": Decimal(0), **options})


class EpochIn(StrictSerializer):
    """Query of a DELETE."""

    epoch = EpochField()


class UsageMessageIn(StrictSerializer):
    """One chat message, to be counted."""

    role = serializers.CharField(max_length=40)
    content = _text()


class ItemIn(StrictSerializer):
    """A thing that comes into a window."""

    key = serializers.CharField(max_length=200, help_text="Your own name for it: a path, the id of a message.")
    component = serializers.ChoiceField(choices=COMPONENTS)
    kind = serializers.ChoiceField(choices=KINDS, required=False, default=ItemKind.OTHER.value)
    text = _text(default="", help_text="Kept, so that it can be shortened, archived and searched.")
    locator = serializers.CharField(max_length=400, required=False, allow_blank=True, default="")
    tokens = _tokens(MOST_ITEM_TOKENS, allow_null=True, default=None, help_text="Left out: counted from the text.")
    is_pinned = serializers.BooleanField(required=False, default=False)
    is_counted = serializers.BooleanField(
        required=False, default=False, help_text="Its component was told to hold these tokens already."
    )


class ItemsIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/{id}/agents/{agent}/items/`."""

    epoch = EpochField()
    items = serializers.ListField(child=ItemIn(), min_length=1, max_length=MOST_ITEMS_AT_ONCE)


class ItemChangeIn(StrictSerializer):
    """Body of `PATCH .../items/{item}/`."""

    epoch = EpochField()
    is_pinned = serializers.BooleanField(required=False, allow_null=True, default=None)
    is_finished = serializers.BooleanField(required=False, allow_null=True, default=None, help_text="A task is done.")
    was_used = serializers.BooleanField(required=False, default=False, help_text="You looked at it now.")


class ItemsQuery(PageIn):
    """Query of `GET .../items/`."""

    component = serializers.ChoiceField(choices=COMPONENTS, required=False, default=None)
    kind = serializers.ChoiceField(choices=KINDS, required=False, default=None)
    status = serializers.ChoiceField(choices=ITEM_STATUSES, required=False, default=None)


class PatchIn(StrictSerializer):
    """A change of the shared state that is stored with the report or not at all."""

    base_seq = serializers.IntegerField(min_value=0, max_value=LARGEST_SEQ)
    format = serializers.ChoiceField(choices=FORMATS, required=False, default=Event.Format.MERGE.value)
    delta = serializers.JSONField()
    rebase = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A merge patch is an object, a patch a list of operations."""
        wanted = dict if attrs["format"] == Event.Format.MERGE else list
        is_right = isinstance(attrs["delta"], wanted)
        if not is_right or (wanted is list and not all(isinstance(each, dict) for each in attrs["delta"])):
            raise serializers.ValidationError({"delta": "An object for merge, a list of operations for patch."})
        return attrs


class UsageIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/{id}/usage/`: tokens as told, or `messages` and `text` to be counted."""

    call_id = serializers.CharField(max_length=120, help_text="Your own name for the call; counted once.")
    agent = serializers.CharField(max_length=80)
    epoch = EpochField()
    operation = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    subject = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default="", help_text="What it worked on, such as a file."
    )
    component = serializers.ChoiceField(
        choices=COMPONENTS,
        required=False,
        default=Component.INTERACTION.value,
        help_text="What grows by what is new in the window, where `components` does not say.",
    )
    input_tokens = _tokens(allow_null=True, default=None, help_text="All that was sent, cached or not.")
    cached_tokens = _tokens(default=0, help_text="The part of the input that the provider had cached.")
    output_tokens = _tokens(allow_null=True, default=None)
    messages = serializers.ListField(
        child=UsageMessageIn(), required=False, allow_null=True, default=None, max_length=MOST_MESSAGES
    )
    text = _text(allow_null=True, default=None, help_text="The answer, to be counted.")
    components = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=MOST_TOKENS),
        required=False,
        default=dict,
        help_text="What these components hold after the call; those not named stay as they are.",
    )
    items = serializers.ListField(child=ItemIn(), required=False, default=list, max_length=MOST_ITEMS_AT_ONCE)
    hold = serializers.UUIDField(required=False, allow_null=True, default=None)
    estimated_tokens = _tokens(allow_null=True, default=None, help_text="What you had foreseen, input and output.")
    patch = PatchIn(required=False, allow_null=True, default=None)

    def validate_components(self, value: dict[str, int]) -> dict[str, int]:
        """Known components only."""
        if unknown := sorted(set(value) - set(COMPONENTS)):
            known = ", ".join(COMPONENTS)
            raise serializers.ValidationError(f"There is no component {unknown[0]}; known are: {known}.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Each number comes one way."""
        for number, source in (("input_tokens", "messages"), ("output_tokens", "text")):
            if attrs[number] is not None and attrs[source] is not None:
                raise serializers.ValidationError({source: f"Send {number} or {source}, not both."})
        return attrs


class HoldIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/{id}/holds/`."""

    agent = serializers.CharField(max_length=80)
    epoch = EpochField()
    tokens = serializers.IntegerField(min_value=1, max_value=MOST_TOKENS)
    carbon_g = AmountPart(help_text="g CO2e.")
    usd = AmountPart()
    energy_wh = AmountPart()
    reference = serializers.RegexField(
        r"^[\w.@:+/-]*$", max_length=60, required=False, allow_blank=True, default="", help_text="One open hold each."
    )
    lease_seconds = serializers.IntegerField(
        min_value=LEAST_LEASE_SECONDS,
        max_value=MOST_LEASE_SECONDS,
        required=False,
        default=USUAL_LEASE_SECONDS,
        help_text="After this time it is given back; a report that comes later is charged all the same.",
    )


class AllocationIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/{id}/agents/{agent}/allocations/`."""

    epoch = EpochField()
    component = serializers.ChoiceField(choices=COMPONENTS)
    tokens = serializers.IntegerField(min_value=1, max_value=MOST_ITEM_TOKENS)
    least_tokens = serializers.IntegerField(
        min_value=0, max_value=MOST_ITEM_TOKENS, required=False, default=0, help_text="Less is of no use to you."
    )
    purpose = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class UsageQuery(PageIn):
    """Query of `GET /api/v1/sessions/{id}/usage/`."""

    agent = serializers.CharField(max_length=80, required=False, default=None)
    operation = serializers.CharField(max_length=60, required=False, default=None)
    component = serializers.ChoiceField(choices=COMPONENTS, required=False, default=None)


def item_ask_of(values: dict[str, Any]) -> ItemAsk:
    """An item as services take it."""
    return ItemAsk(
        **{**values, "component": Component(values["component"]), "kind": ItemKind(values["kind"])},
    )


def report_of(values: dict[str, Any]) -> UsageReport:
    """A report as services take it."""
    messages, patch = values["messages"], values["patch"]
    same = ("call_id", "operation", "subject", "input_tokens", "cached_tokens", "output_tokens", "text", "components")
    return UsageReport(
        **{name: values[name] for name in same},
        component=Component(values["component"]),
        prompt=None if messages is None else "\n".join(each.get("content", "") for each in messages),
        items=[item_ask_of(each) for each in values["items"]],
        hold_id=values["hold"],
        estimated_tokens=values["estimated_tokens"],
        patch=None
        if patch is None
        else StatePatch(
            base_seq=patch["base_seq"], format=patch["format"], delta=patch["delta"], may_rebase=patch["rebase"]
        ),
    )


def amounts_of(values: dict[str, Any]) -> Amounts:
    """What a hold asks for, in steps."""
    return amounts_of_parts(values["tokens"], values["carbon_g"], values["usd"], values["energy_wh"])


def room_ask_of(values: dict[str, Any], *, agent: str, key: str | None) -> RoomAsk:
    """An ask for room as services take it."""
    return RoomAsk(**{**values, "component": Component(values["component"])}, agent=agent, key=key)
