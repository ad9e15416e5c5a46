"""Pages that change one budget. Each asks why, and hands over to a service."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from budgets.admin.amounts import amount
from budgets.admin.change_forms import CorrectionForm, LimitForm, TransferForm
from budgets.admin.forms import ConfigureForm, typed
from budgets.domain.adjustments import AdjustmentKind
from budgets.domain.units import Unit, from_steps
from budgets.models import Adjustment, Budget
from budgets.services import allot, configure_budget, deallocate, propose_adjustment, transfer_quota
from config.administration.pages import WhyForm, actor_of, form_page, object_or_404, posted
from config.administration.typed import action

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    _Parent = ModelAdmin[Any]
else:
    _Parent = object


class ChangeActions(_Parent):
    """What the page of a budget offers to do with it."""

    def has_allot_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the actions: who may change budgets, and one that has not ended."""
        is_over = object_id is not None and request.method != "POST" and _has_ended(object_id)
        return not is_over and request.user.has_perm("budgets.change_budget")

    def _page(
        self,
        request: HttpRequest,
        budget: Budget,
        *,
        form: forms.Form,
        service: Callable[[dict[str, Any]], str],
        **words: Any,
    ) -> HttpResponse:
        return form_page(request, model_admin=self, form=form, call=service, object_id=str(budget.pk), **words)

    def _adjust(self, request: HttpRequest, budget: Budget, kind: AdjustmentKind, given: dict[str, Any]) -> str:
        """Do it, or propose it where a second person must agree."""
        facts = propose_adjustment(
            budget_id=budget.pk,
            kind=kind,
            amount=given.get("amount"),
            reason=given["reason"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        if facts.status == Adjustment.Status.PROPOSED:
            return "It was proposed. It holds once a second person agrees, under Adjustments."
        return "It was done, and is in the ledger."

    @action(description="Change the limit", icon="tune", permissions=["allot"])
    def change_limit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Set what is allotted for a period."""
        budget = object_or_404(request, self, object_id)

        def call(given: dict[str, Any]) -> str:
            if budget.needs_two:
                given = {"amount": given["limit"], "reason": given["reason"]}
                return self._adjust(request, budget, AdjustmentKind.LIMIT, given)
            allot(budget_id=budget.pk, actor=actor_of(request), now=timezone.now(), **given)
            return "The limit was changed."

        return self._page(
            request,
            budget,
            form=LimitForm(posted(request), initial={"limit": _plain(budget, budget.base_limit)}),
            service=call,
            title=f"Limit of {budget.name}",
            submit=_submit(budget, "Change the limit"),
            intro=_limit_words(budget),
        )

    @action(description="Correct what was spent", icon="edit_note", permissions=["allot"])
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Add to what was spent, or take from it."""
        budget = object_or_404(request, self, object_id)
        return self._page(
            request,
            budget,
            form=CorrectionForm(posted(request)),
            service=lambda given: self._adjust(request, budget, AdjustmentKind.SPENT, given),
            title=f"Correct what {budget.name} spent",
            submit=_submit(budget, "Correct it"),
            intro=f"{amount(budget, budget.spent)} are spent, {amount(budget, budget.reserved)} reserved, of"
            f" {amount(budget, budget.limit)}. Only this budget is corrected, not those above it." + _four_eyes(budget),
        )

    @action(description="Settings", icon="settings", permissions=["allot"])
    def configure(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Turn its knobs, or rename it."""
        budget = object_or_404(request, self, object_id)
        form = ConfigureForm(posted(request), initial=ConfigureForm.start_of(budget))

        def call(given: dict[str, Any]) -> str:
            knobs = {**form.knobs(), "name": given["name"]}
            if knobs["level"] is None:
                del knobs["level"]
            who = {"actor": actor_of(request), "reason": given["reason"], "now": timezone.now()}
            configure_budget(budget_id=budget.pk, **who, **knobs)
            return "The settings were stored and are in force."

        return self._page(
            request,
            budget,
            form=form,
            service=call,
            title=f"Settings of {budget.name}",
            submit="Store the settings",
            intro=f"Amounts are in {budget.unit}. The limit has a page of its own.",
        )

    @action(description="Reset", icon="restart_alt", permissions=["allot"])
    def reset(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Begin its period again, now."""
        budget = object_or_404(request, self, object_id)
        return self._page(
            request,
            budget,
            form=WhyForm(posted(request)),
            service=lambda given: self._adjust(request, budget, AdjustmentKind.RESET, given),
            title=f"Reset {budget.name}",
            submit=_submit(budget, "Reset it now"),
            intro=f"{amount(budget, budget.spent)} are spent. They will count no more. Nothing is carried over;"
            f" the ledger keeps them. Open reservations ({amount(budget, budget.reserved)}) stay." + _four_eyes(budget),
        )

    def has_lift_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offered for a budget that needs four eyes."""
        fits = object_id is None or request.method == "POST" or _needs_two(object_id)
        return fits and self.has_allot_permission(request, object_id)

    @action(description="Lift four eyes", icon="visibility_off", permissions=["lift"])
    def lift_four_eyes(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask that one person is enough again."""
        budget = object_or_404(request, self, object_id)
        return self._page(
            request,
            budget,
            form=WhyForm(posted(request)),
            service=lambda given: self._adjust(request, budget, AdjustmentKind.SINGLE, given),
            title=f"Lift the four eyes of {budget.name}",
            submit=_submit(budget, "Lift them"),
            intro="From then on one person changes this budget alone." + _four_eyes(budget),
        )

    @action(description="Transfer quota", icon="swap_horiz", permissions=["allot"])
    def transfer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give tradeable quota to another budget."""
        budget = object_or_404(request, self, object_id)

        def call(given: dict[str, Any]) -> str:
            taker = given["to"]
            transfer_quota(
                from_id=budget.pk,
                to_id=taker.pk,
                amount=given["amount"],
                actor=actor_of(request),
                reason=given["reason"],
                now=timezone.now(),
            )
            return f"The quota has moved to {taker.name}."

        return self._page(
            request,
            budget,
            form=TransferForm(posted(request)),
            service=call,
            title=f"Transfer quota from {budget.name}",
            submit="Transfer it",
            intro=f"{amount(budget, budget.tradeable)} may be given away: the tradeable part of an efficiency bonus.",
        )

    @action(description="End this budget", icon="block", permissions=["allot"])
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Deallocate, with a reason."""
        budget = object_or_404(request, self, object_id)

        def call(given: dict[str, Any]) -> str:
            deallocate(budget_id=UUID(object_id), actor=actor_of(request), now=timezone.now(), **given)
            return "The budget was ended."

        return self._page(
            request,
            budget,
            form=WhyForm(posted(request)),
            service=call,
            title="End this budget",
            submit="End it",
            intro="What is not spent goes back. Open holds and budgets below it must be closed first."
            + (" Lift its four eyes before: a second person must agree to that." if budget.needs_two else ""),
        )


def _has_ended(object_id: str) -> bool:
    return _is(object_id, deallocated_at__isnull=False)


def _needs_two(object_id: str) -> bool:
    return _is(object_id, needs_two=True)


def _is(object_id: str, **what: Any) -> bool:
    """Whether a budget is so; False for an address of none: its page says 404."""
    try:
        return Budget.objects.filter(pk=UUID(object_id), **what).exists()
    except ValueError:
        return False


def _plain(budget: Budget, steps: int) -> str:
    return typed(from_steps(Unit(budget.unit), steps))


def _limit_words(budget: Budget) -> str:
    """What stands on the limit already, and what comes on top of it."""
    words = f"In {budget.unit}. {amount(budget, budget.spent + budget.reserved)} are spent or reserved already."
    extra = budget.limit - budget.base_limit
    if extra:
        words += f" On top of it come {amount(budget, extra)} that were carried over, drawn or earned."
    return words + _four_eyes(budget)


def _four_eyes(budget: Budget) -> str:
    return " This budget needs four eyes: it holds once a second person agrees." if budget.needs_two else ""


def _submit(budget: Budget, words: str) -> str:
    return "Propose it" if budget.needs_two else words
