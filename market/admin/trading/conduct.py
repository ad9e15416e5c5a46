"""Flags with their evidence, appeals to decide, standing rules and the reputation of each day."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.selectors import get_principal_of_team
from config.administration.base import AuditedAdmin, RecordAdmin, RecordInline
from config.administration.pages import ConfirmForm, WhyForm, actor_of, form_page, object_or_404, posted
from config.administration.text import usd
from config.administration.typed import action, display
from market.admin.trading.operating import OperatorActions
from market.domain.trading.rules import usd_of_nano
from market.models import Appeal, ConductFlag, ReputationScore, StandingRule
from market.services.trading.conduct import decide_appeal, decide_flag
from market.services.trading.rules import pause_rule

COLOURS = {"open": "warning", "upheld": "danger", "lifted": "success", "accepted": "success", "rejected": "danger"}


class AppealInline(RecordInline):
    """What its team says."""

    model = Appeal
    fields = ("at", "actor", "text", "status", "decided_at", "decided_by", "decision_reason")


@admin.register(ConductFlag)
class ConductFlagAdmin(OperatorActions, RecordAdmin):
    """Patterns to look at. A flag is no proof: uphold it, or lift it and give its charge back."""

    list_display = ("noticed_at", "kind", "team", "instrument", "shown_status", "charge_usd", "appealed")
    list_filter = ("kind", "status")
    list_select_related = ("team__organisation", "instrument")
    search_fields = ("key", "team__name")
    readonly_fields = ("shown_status", "shown_evidence", "charge_usd")
    inlines = (AppealInline,)
    actions_detail = ("uphold", "lift")
    fieldsets = (
        (
            "What was noticed",
            {"fields": (("kind", "team"), ("budget", "instrument"), ("since", "until", "noticed_at"))},
        ),
        ("Evidence", {"fields": ("shown_evidence",)}),
        (
            "Outcome",
            {"fields": ("shown_status", ("charge_usd", "charge"), ("decided_at", "decided_by"), "decision_reason")},
        ),
    )

    @display(description="Status", ordering="status", label=COLOURS)
    def shown_status(self, flag: ConductFlag) -> str:
        """Coloured."""
        return flag.status

    @display(description="Charge", ordering="charge_micro_usd")
    def charge_usd(self, flag: ConductFlag) -> str:
        """What was taken to the Fund."""
        return usd(flag.charge_micro_usd)

    @display(description="Appeal waits", boolean=True)
    def appealed(self, flag: ConductFlag) -> bool:
        """Whether somebody has to decide."""
        return any(each.status == Appeal.Status.OPEN for each in flag.appeals.all())

    @display(description="Figures and ids")
    def shown_evidence(self, flag: ConductFlag) -> SafeString:
        """As it was kept."""
        text = json.dumps(flag.evidence, indent=2, ensure_ascii=False)
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', text)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With their appeals."""
        return super().get_queryset(request).prefetch_related("appeals")

    @action(description="Uphold", icon="gavel", permissions=["operate"])
    def uphold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The flag stands."""
        return self._decide(request, object_id, lift=False)

    @action(description="Lift", icon="undo", permissions=["operate"])
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It was nothing, or is settled: the charge is given back."""
        return self._decide(request, object_id, lift=True)

    def _decide(self, request: HttpRequest, object_id: str, *, lift: bool) -> HttpResponse:
        def call(given: dict[str, Any]) -> str:
            decide_flag(
                flag_id=int(object_id), lift=lift, reason=given["reason"], actor=actor_of(request), now=timezone.now()
            )
            return "The flag is lifted." if lift else "The flag is upheld."

        return form_page(
            request,
            model_admin=self,
            form=WhyForm(posted(request)),
            call=call,
            title="Lift this flag" if lift else "Uphold this flag",
            submit="Lift it" if lift else "Uphold it",
            intro="Its charge is given back out of the Fund." if lift else "The team may still appeal.",
            object_id=object_id,
        )


@admin.register(Appeal)
class AppealAdmin(OperatorActions, RecordAdmin):
    """What teams say against flags, to be decided."""

    list_display = ("at", "flag", "actor", "shown_status", "decided_at", "decided_by")
    list_filter = ("status",)
    list_select_related = ("flag",)
    search_fields = ("text", "actor", "flag__team__name")
    actions_detail = ("accept", "reject")

    @display(description="Status", ordering="status", label=COLOURS)
    def shown_status(self, appeal: Appeal) -> str:
        """Coloured."""
        return appeal.status

    @action(description="Accept", icon="task_alt", permissions=["operate"])
    def accept(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The flag is lifted, its charge given back."""
        return self._decide(request, object_id, accept=True)

    @action(description="Reject", icon="block", permissions=["operate"])
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The flag stands."""
        return self._decide(request, object_id, accept=False)

    def _decide(self, request: HttpRequest, object_id: str, *, accept: bool) -> HttpResponse:
        def call(given: dict[str, Any]) -> str:
            decide_appeal(
                appeal_id=int(object_id),
                accept=accept,
                reason=given["reason"],
                actor=actor_of(request),
                now=timezone.now(),
            )
            return "Accepted: the flag is lifted, its charge given back." if accept else "Rejected: the flag stands."

        return form_page(
            request,
            model_admin=self,
            form=WhyForm(posted(request)),
            call=call,
            title="Accept this appeal" if accept else "Reject this appeal",
            submit="Accept it" if accept else "Reject it",
            object_id=object_id,
        )


@admin.register(StandingRule)
class StandingRuleAdmin(OperatorActions, RecordAdmin, AuditedAdmin):
    """What budgets' owners let the worker trade. Teams write them; here they can be stopped."""

    list_display = ("team", "budget", "kind", "limit_usd", "is_active", "last_run_at", "last_outcome")
    list_filter = ("kind", "is_active")
    list_select_related = ("team__organisation", "budget")
    search_fields = ("team__name", "budget__name", "last_outcome")
    actions_detail = ("pause",)

    @display(description="Limit for one unit, US$")
    def limit_usd(self, rule: StandingRule) -> str:
        """Exact."""
        return f"{usd_of_nano(rule.limit_nano_usd_per_unit):f}"

    @action(description="Pause", icon="pause_circle", permissions=["operate"])
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It does not run until its team lets it."""

        def call(_: dict[str, Any]) -> str:
            rule = object_or_404(request, self, object_id)
            acting = get_principal_of_team(team_id=rule.team_id, actor=actor_of(request), scopes=frozenset())
            pause_rule(rule_id=rule.pk, principal=acting, now=timezone.now())
            return "The rule is paused. Its open order stays until it ends."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title="Pause this rule",
            submit="Pause it",
            object_id=object_id,
        )


@admin.register(ReputationScore)
class ReputationScoreAdmin(RecordAdmin):
    """Each day's score of a team with what it is made of."""

    list_display = ("day", "team", "shown_score", "made_at")
    list_filter = ("day",)
    list_select_related = ("team__organisation",)
    search_fields = ("team__name",)

    @display(description="Score", ordering="score")
    def shown_score(self, row: ReputationScore) -> str:
        """0 to 1, or unknown."""
        return "unknown" if row.score is None else f"{row.score:.2f}"
