"""`POST /api/v1/budgets/{id}/reserve/` and `consume/`: what work asks of a budget, many times a second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.services.idempotency import Answer, Claim, answer_once, fingerprint_of
from accounts.services.once import IDEMPOTENCY_KEY
from budgets import selectors, services
from budgets.api.fields import AmountField
from budgets.domain.asks import PlacedHold
from budgets.domain.escrow import NOTHING
from budgets.domain.refusals import BudgetExhausted, plain_number
from budgets.domain.spending import amounts_in, amounts_of_parts, grams_of, usd_of, wh_of
from budgets.domain.units import Amounts, Unit
from config.kernel.errors import InvalidInput, NotAllowed, NotFound
from config.kernel.rest import StrictSerializer, validated

LEAST_LEASE_SECONDS, MOST_LEASE_SECONDS, USUAL_LEASE_SECONDS = 10, 86_400, 600
LONGEST_REFERENCE = 80
MOST_TOKENS = 10**15
MOST_OPERATIONS = 10_000
FIELD_OF_UNIT = {
    Unit.TOKENS: ("tokens", "tokens"),
    Unit.CARBON_G: ("carbon_g", "grams of CO2e"),
    Unit.MICRO_USD: ("usd", "money"),
    Unit.ENERGY_WH: ("energy_wh", "energy in Wh"),
}
PARTS = ("tokens", "carbon_g", "usd", "energy_wh")


class SpendIn(StrictSerializer):
    """What is asked for: `amount`, or any of `tokens`, `carbon_g`, `usd` and `energy_wh`, or an `operation`."""

    amount = AmountField(required=False, help_text="In the budget's own unit.")
    tokens = serializers.IntegerField(required=False, min_value=0, max_value=MOST_TOKENS)
    carbon_g = AmountField(required=False, help_text="g CO2e.")
    usd = serializers.DecimalField(required=False, min_value=Decimal(0), max_digits=18, decimal_places=6)
    energy_wh = AmountField(required=False, help_text="Wh.")
    operation = serializers.SlugField(
        required=False, max_length=40, help_text="Tokens by the threshold `operation-<name>` in force."
    )
    count = serializers.IntegerField(required=False, min_value=1, max_value=MOST_OPERATIONS)
    reference = serializers.CharField(
        required=False, max_length=LONGEST_REFERENCE, help_text="What it is for; one open hold for each of the team."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one way of saying how much."""
        ways = ("amount" in attrs) + ("operation" in attrs) + any(name in attrs for name in PARTS)
        if ways != 1:
            raise serializers.ValidationError(
                {"amount": "Send `amount`, or some of `tokens`, `carbon_g`, `usd` and `energy_wh`, or `operation`."}
            )
        if "count" in attrs and "operation" not in attrs:
            raise serializers.ValidationError({"count": "A count belongs to an operation."})
        for name in ("amount", "carbon_g", "energy_wh"):
            if attrs.get(name, 0) < 0:
                raise serializers.ValidationError({name: "Not below zero."})
        return attrs


class ReserveIn(SpendIn):
    """Body of `POST /api/v1/budgets/{id}/reserve/`."""

    lease_seconds = serializers.IntegerField(
        required=False,
        default=USUAL_LEASE_SECONDS,
        min_value=LEAST_LEASE_SECONDS,
        max_value=MOST_LEASE_SECONDS,
        help_text="After this time, what is neither settled nor dispatched is given back.",
    )


class SpentOut(serializers.Serializer):  # type: ignore[type-arg]
    """What was taken from a budget and all above it."""

    hold = serializers.UUIDField()
    fence = serializers.IntegerField(help_text="Shown with what is done to the hold next: an old number is refused.")
    status = serializers.ChoiceField(choices=["reserved", "settled"])
    expires_at = serializers.DateTimeField(allow_null=True)
    gear = serializers.ChoiceField(choices=["direct", "batched", "leased"])
    warning = serializers.IntegerField(
        allow_null=True, help_text="The highest threshold passed on the path, in percent."
    )
    budget = serializers.UUIDField()
    tokens = serializers.IntegerField()
    carbon_g = serializers.FloatField()
    usd = serializers.CharField()
    energy_wh = serializers.FloatField()


class ReserveView(APIView):
    """Hold a part of a budget and of all above it, or of none."""

    required_scopes = {"POST": Scope.BUDGETS_SPEND}

    @extend_schema(
        operation_id="budgets_reserve", request=ReserveIn, responses={201: SpentOut}, parameters=[IDEMPOTENCY_KEY]
    )
    def post(self, request: Request, budget_id: UUID) -> Response:
        """Answered with 402 where a budget on the path cannot pay: which one, how much is left, until when."""
        principal = Principal.of(request.auth)
        owner = selectors.get_owner(budget_id)
        team_id = may_spend(principal, owner)
        body = validated(ReserveIn, request)
        now = timezone.now()
        amounts = amounts_of_body(body, owner.unit)
        placing: dict[str, Any] = {
            "budget_id": budget_id,
            "amounts": amounts,
            "reference": reference_of(team_id, body.get("reference")),
            "lease_expires_at": now + timedelta(seconds=body["lease_seconds"]),
            "actor": principal.actor,
            "now": now,
        }
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return answered(reserved(services.place_hold(**placing), budget_id, amounts))
        claim = Claim(team_id=team_id, key=key, fingerprint=_fingerprint(request))
        return answered(
            services.place_hold_once(
                **placing, claim=claim, answer_of=lambda placed: reserved(placed, budget_id, amounts)
            )
        )


class ConsumeView(APIView):
    """Spend a part of a budget and of all above it in one step."""

    required_scopes = {"POST": Scope.BUDGETS_SPEND}

    @extend_schema(
        operation_id="budgets_consume", request=SpendIn, responses={201: SpentOut}, parameters=[IDEMPOTENCY_KEY]
    )
    def post(self, request: Request, budget_id: UUID) -> Response:
        """Answered with 402 where a budget on the path cannot pay, and then nothing is spent."""
        principal = Principal.of(request.auth)
        owner = selectors.get_owner(budget_id)
        team_id = may_spend(principal, owner)
        body = validated(SpendIn, request)
        now = timezone.now()
        amounts = amounts_of_body(body, owner.unit)

        def work() -> Answer:
            placed = services.consume(
                budget_id=budget_id,
                amounts=amounts,
                reference=reference_of(team_id, body.get("reference")),
                actor=principal.actor,
                now=now,
            )
            return _answer(placed, budget_id, amounts, status="settled", fence=placed.fence + 1, expires_at=None)

        try:
            return answered(
                answer_once(
                    team_id=team_id,
                    key=request.headers.get("Idempotency-Key"),
                    fingerprint=_fingerprint(request),
                    now=now,
                    work=work,
                )
            )
        except BudgetExhausted as refusal:
            services.note_refusal(refusal, now=now)
            raise


def may_spend(principal: Principal, owner: selectors.BudgetOwner) -> int:
    """The team that spends, from a budget of its own; what the caller may not see does not exist for it."""
    shared = owner.team_id is None and owner.organisation_id == principal.organisation_id
    if not (shared or principal.may_see_team(owner.team_id)):
        raise NotFound("There is no such budget.", field="budget")
    if owner.team_id is None or owner.team_id != principal.team_id:
        raise NotAllowed("This budget is not your team's to spend from.", field="budget")
    return owner.team_id


def amounts_of_body(body: dict[str, Any], unit: Unit) -> Amounts:
    """What a valid body asks for, in a budget of `unit`.

    Raises InvalidInput if that is nothing, or nothing in that unit, which the budget could not limit;
    or if no such operation is known.
    """
    if "amount" in body:
        amounts = amounts_in(unit, body["amount"])
    elif "operation" in body:
        tokens = selectors.find_operation_tokens(body["operation"])
        if tokens is None:
            known = ", ".join(selectors.list_operations())
            raise InvalidInput(f"No operation of this name has an estimate. There are: {known}.", field="operation")
        amounts = Amounts.only(Unit.TOKENS, tokens * body.get("count", 1))
    else:
        nothing = Decimal(0)
        amounts = amounts_of_parts(
            body.get("tokens", 0),
            body.get("carbon_g", nothing),
            body.get("usd", nothing),
            body.get("energy_wh", nothing),
        )
    if amounts == NOTHING:
        raise InvalidInput("Ask for more than nothing.", field="amount")
    if not amounts.of(unit):
        field, words = FIELD_OF_UNIT[unit]
        raise InvalidInput(f"This budget counts {words}: say how much of that.", field=field, code="other_unit")
    return amounts


def reference_of(team_id: int, reference: str | None) -> str:
    """How holds of this door are named; a team's references never meet another's."""
    return f"api:{team_id}:{reference or uuid4().hex}"


def reserved(placed: PlacedHold, budget_id: UUID, amounts: Amounts) -> Answer:
    """The answer to a reservation."""
    return _answer(
        placed, budget_id, amounts, status="reserved", fence=placed.fence, expires_at=_utc(placed.expires_at)
    )


def _answer(
    placed: PlacedHold, budget_id: UUID, amounts: Amounts, *, status: str, fence: int, expires_at: str | None
) -> Answer:
    body = {
        "hold": str(placed.hold_id),
        "fence": fence,
        "status": status,
        "expires_at": expires_at,
        "gear": placed.gear.value,
        "warning": placed.warning_percent,
        "budget": str(budget_id),
        "tokens": amounts.tokens,
        "carbon_g": plain_number(grams_of(amounts)),
        "usd": usd_of(amounts),
        "energy_wh": plain_number(wh_of(amounts)),
    }
    return Answer(201, body)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def answered(answer: Answer) -> Response:
    """An answer as it goes out, first or replayed."""
    return Response(answer.body, status=answer.status_code, headers=headers_of(answer))


def headers_of(answer: Answer) -> dict[str, str]:
    """What goes beside the body."""
    headers = {"Idempotent-Replayed": "true"} if answer.is_replay else {}
    if answer.body["warning"] is not None:
        headers["X-Budget-Warning"] = str(answer.body["warning"])
    return headers


def _fingerprint(request: Request) -> str:
    return fingerprint_of(request.method or "", request.path, request.data)
