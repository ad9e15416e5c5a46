"""Changes by hand, and proposals of other shares: what waits for a person, and what was decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter

from budgets.admin.amounts import amount
from budgets.models import Adjustment, BudgetProposal
from budgets.services import decide_adjustment
from budgets.services.proposals import decide_proposal
from config.administration.base import RecordAdmin
from config.administration.pages import WhyForm, actor_of, form_page, posted
from config.administration.typed import action, display

COLOURS = {
    "proposed": "warning",
    "open": "warning",
    "applied": "success",
    "accepted": "success",
    "rejected": "danger",
    "superseded": "info",
}
TABLE = '<table class="w-full text-left"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
HEAD = '<th scope="col" class="font-semibold pr-4 py-1">{}</th>'
LINE = '<tr><th scope="row" class="font-semibold pr-4 py-1">{}</th>' + '<td class="pr-4 py-1">{}</td>' * 5 + "</tr>"
HEADS = ("Budget", "Allotted now", "Allotted then", "Share now", "Share then", "Why")


class DecidedAdmin(RecordAdmin):
    """Something that one person proposes and another one decides."""

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offered while it waits. A form that was sent for anything else is answered with the reason."""
        waits = object_id is None or request.method == "POST" or self.waits(object_id)
        return waits and request.user.has_perm("budgets.change_budget")

    def waits(self, object_id: str) -> bool:
        """Whether nobody has decided it yet; True for an address of none, whose page says 404."""
        found = self.model._default_manager.filter(pk=object_id) if object_id.isdecimal() else None
        return found is None or not found.exclude(status__in=("proposed", "open")).exists()

    def _decision(
        self, request: HttpRequest, object_id: str, *, decide: Callable[..., Any], done: str, **words: Any
    ) -> HttpResponse:
        def call(given: dict[str, Any]) -> str:
            decide(reason=given["reason"], actor=actor_of(request), now=timezone.now())
            return done

        form = WhyForm(posted(request))
        return form_page(request, model_admin=self, form=form, call=call, object_id=object_id, **words)


@admin.register(Adjustment)
class AdjustmentAdmin(DecidedAdmin):
    """Limits, corrections and resets by hand. Where a budget needs four eyes, they wait here."""

    list_display = (
        "proposed_at",
        "budget",
        "shown_kind",
        "shown_amount",
        "reason",
        "shown_status",
        "proposed_by",
        "decided_by",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("budget", AutocompleteSelectFilter),
        ("proposed_at", RangeDateTimeFilter),
    )
    list_filter_sheet = True
    list_select_related = ("budget",)
    search_fields = ("budget__name", "reason", "proposed_by", "decided_by")
    actions_detail = ("approve", "reject")
    fields = (
        ("budget", "shown_kind", "shown_amount"),
        "reason",
        ("shown_status", "needed_two"),
        ("proposed_by", "proposed_at"),
        ("decided_by", "decided_at"),
        "decision_reason",
    )
    readonly_fields = ("shown_kind", "shown_amount", "shown_status")

    @display(description="Change")
    def shown_kind(self, adjustment: Adjustment) -> str:
        """In words."""
        return adjustment.get_kind_display()

    @display(description="Amount")
    def shown_amount(self, adjustment: Adjustment) -> str:
        """In the budget's unit; a dash for a change that has none."""
        return "–" if adjustment.amount is None else amount(adjustment.budget, adjustment.amount)

    @display(description="Status", ordering="status", label=COLOURS)
    def shown_status(self, adjustment: Adjustment) -> str:
        """Coloured."""
        return adjustment.status

    @action(description="Approve", icon="check", permissions=["decide"])
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Agree, which does it. Whoever proposed it is refused."""
        return self._decision(
            request,
            object_id,
            decide=lambda **who: decide_adjustment(adjustment_id=int(object_id), is_approved=True, **who),
            done="It was approved and done.",
            title="Approve this change",
            submit="Approve it",
            intro="It is done at once. Whoever proposed it cannot approve it.",
        )

    @action(description="Reject", icon="block", permissions=["decide"])
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refuse it. Whoever proposed it may take it back so."""
        return self._decision(
            request,
            object_id,
            decide=lambda **who: decide_adjustment(adjustment_id=int(object_id), is_approved=False, **who),
            done="It was rejected. Nothing has changed.",
            title="Reject this change",
            submit="Reject it",
            intro="Nothing changes. It can be proposed again.",
        )


@admin.register(BudgetProposal)
class BudgetProposalAdmin(DecidedAdmin):
    """Other shares of a budget for those below it, worked out from past periods. A person decides."""

    list_display = ("made_at", "parent", "shown_status", "analysed_from", "analysed_to", "decided_by", "reason")
    list_filter = (("status", ChoicesDropdownFilter), ("made_at", RangeDateTimeFilter))
    list_select_related = ("parent",)
    search_fields = ("parent__name", "reason", "decided_by")
    actions_detail = ("accept", "decline")
    fields = (
        ("parent", "shown_status"),
        "lines",
        ("analysed_from", "analysed_to", "made_at"),
        ("decided_by", "decided_at"),
        "reason",
    )
    readonly_fields = ("shown_status", "lines")

    @display(description="Status", ordering="status", label=COLOURS)
    def shown_status(self, proposal: BudgetProposal) -> str:
        """Coloured."""
        return proposal.status

    @display(description="What it would do")
    def lines(self, proposal: BudgetProposal) -> SafeString:
        """Each budget below, now and then, and why."""
        head = format_html_join("", HEAD, ((words,) for words in HEADS))
        rows = proposal.lines.select_related("budget")
        body = format_html_join(
            "",
            LINE,
            (
                (
                    line.budget.name,
                    amount(line.budget, line.base_before),
                    amount(line.budget, line.base_after),
                    f"{line.share_before:.0%}",
                    f"{line.share_after:.0%}",
                    line.explanation,
                )
                for line in rows
            ),
        )
        return format_html(TABLE, head, body)

    @action(description="Accept", icon="check", permissions=["decide"])
    def accept(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change all the limits it names."""
        return self._decision(
            request,
            object_id,
            decide=lambda **who: decide_proposal(proposal_id=int(object_id), is_accepted=True, **who),
            done="It was accepted: the limits have changed.",
            title="Accept this proposal",
            submit="Accept it",
            intro="All limits that it names change at once, or none does. Each is a line in the ledger.",
        )

    @action(description="Reject", icon="block", permissions=["decide"])
    def decline(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Leave everything as it is."""
        return self._decision(
            request,
            object_id,
            decide=lambda **who: decide_proposal(proposal_id=int(object_id), is_accepted=False, **who),
            done="It was rejected. Nothing has changed.",
            title="Reject this proposal",
            submit="Reject it",
            intro="Nothing changes. Later periods may lead to another proposal.",
        )
