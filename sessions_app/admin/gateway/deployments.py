"""Deployments of models: what they are, how they stand, a test, and their breakers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from config.administration.base import AuditedAdmin
from config.administration.pages import ConfirmForm, WhyForm, actor_of, form_page, object_or_404, posted
from config.administration.typed import action, display
from config.kernel.errors import Conflict, Unavailable
from sessions_app.admin.gateway.forms import DeploymentForm
from sessions_app.models import Deployment, DeploymentHealth
from sessions_app.selectors.gateway.deployments import list_breaker_events
from sessions_app.services.gateway import registry
from sessions_app.services.gateway.deployments import change_deployment, create_deployment, remove_deployment
from sessions_app.services.gateway.health import reset_breaker
from sessions_app.services.gateway.secrets import secret_of
from sessions_app.services.gateway.trying import try_deployment

SHOWN_EVENTS = 10
STATE_COLOURS = {
    "in use": "success",
    "resting": "warning",
    "half-open": "warning",
    "open": "danger",
    "cannot be used": "danger",
    "switched off": "info",
}
ABILITIES = (
    ("serves_chat", "serves_embeddings"),
    ("takes_tools", "takes_json_schema"),
    ("takes_image_urls", "takes_inline_images"),
)
PRICES = ("input_micro_usd_per_million", "cached_micro_usd_per_million", "output_micro_usd_per_million")


@admin.register(Deployment)
class DeploymentAdmin(AuditedAdmin):
    """Models behind the gateway. What callers ask for is the served name or one of the other names."""

    form = DeploymentForm
    list_display = ("name", "served_name", "provider", "model_class", "region", "shown_state", "last_error", "weight")
    list_filter = (("provider", ChoicesDropdownFilter), ("region", RelatedDropdownFilter), "is_active")
    list_select_related = ("region", "health")
    search_fields = ("name", "served_name", "upstream_model", "aliases")
    actions_detail = ("test", "reset", "remove")
    fieldsets = (
        (None, {"fields": (("name", "is_active"), ("provider", "base_url"), "shown_state")}),
        ("What it serves", {"fields": (("served_name", "upstream_model"), "aliases", ("model_class", "tokeniser"))}),
        ("Where", {"fields": (("region", "weight"), "grid")}),
        ("Sizes and prices", {"fields": (("context_window_tokens", "max_output_tokens"), *PRICES)}),
        ("Abilities", {"fields": ABILITIES}),
        ("Secret", {"fields": ("shown_secret", "secret_variable", "secret")}),
        ("What came of calls", {"fields": ("breaker", "created_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The name is what calls and headers say, so it stays."""
        shown = ("created_at", "shown_state", "grid", "shown_secret", "breaker")
        return shown if obj is None else ("name", *shown)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without what a new one does not have, and without the secret's field for those who only look."""
        hidden = set() if obj else {"shown_state", "grid", "shown_secret", "breaker", "created_at"}
        if obj is not None and not self.has_change_permission(request, obj):
            hidden.add("secret")
        kept = []
        for title, options in super().get_fieldsets(request, obj):
            fields = [name for name in options["fields"] if name not in hidden]
            kept += [(title, {**options, "fields": fields})] if fields else []
        return kept

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store what was filled in through the service."""
        how = {
            "values": form.values(),
            "secret": form.cleaned_data["secret"],
            "reason": form.cleaned_data.get("change_reason") or "",
            "actor": actor_of(request),
            "now": timezone.now(),
        }
        if change:
            change_deployment(deployment_id=obj.pk, **how)
        else:
            obj.pk = create_deployment(name=form.cleaned_data["name"], **how)

    @display(description="State", label=STATE_COLOURS)
    def shown_state(self, deployment: Deployment) -> str:
        """In words, coloured."""
        if not deployment.is_active:
            return "switched off"
        if not deployment.region.is_active or secret_of(deployment).problem:
            return "cannot be used"
        health = _health(deployment)
        if health is None or health.state == DeploymentHealth.State.CLOSED:
            rests = health is not None and health.cool_until is not None and health.cool_until > timezone.now()
            return "resting" if rests else "in use"
        return health.get_state_display().lower()

    @display(description="Last problem")
    def last_error(self, deployment: Deployment) -> str:
        """What keeps it from being used, or what its last failed call met; a dash for nothing."""
        health = _health(deployment)
        return secret_of(deployment).problem or (health.last_error if health else "") or "–"

    @display(description="Secret")
    def shown_secret(self, deployment: Deployment) -> str:
        """Where it is, and whether it can be used; never what it is."""
        found = secret_of(deployment)
        if found.problem:
            return found.problem
        if deployment.secret_variable:
            return f"In the variable {deployment.secret_variable}, which is set."
        return "Stored here, sealed." if deployment.sealed_secret else "None."

    @display(description="Grid now")
    def grid(self, deployment: Deployment) -> str:
        """What its calls emit now, with where that figure comes from."""
        try:
            known = registry.snapshot(timezone.now())
        except Unavailable as refusal:
            return refusal.detail
        found = next((each.region for each in known.all if each.deployment.id == deployment.pk), None)
        if found is None:
            return "The region is switched off."
        pue = f"PUE {found.pue:g}{' (assumed)' if found.pue_is_assumed else ''}"
        grams = found.grams_per_1k_output[deployment.model_class]
        return (
            f"{found.intensity_g_per_kwh:.3g} g CO2e/kWh in {found.zone} ({found.basis}, {found.source}), {pue}: "
            f"{grams:.2g} g for 1,000 tokens of output, class {deployment.model_class}, estimated."
        )

    @display(description="Breaker")
    def breaker(self, deployment: Deployment) -> SafeString:
        """How it stands, and what it did last."""
        health = _health(deployment)
        first_byte = f"{health.first_byte_ms:.0f} ms" if health and health.first_byte_ms is not None else "not known"
        events = list_breaker_events(deployment.pk, limit=SHOWN_EVENTS)[:SHOWN_EVENTS]
        rows = format_html_join(
            "",
            "<li>{}: {} to {}. {}</li>",
            ((f"{each.at:%d %b %Y %H:%M:%S} UTC", each.was, each.became, each.reason) for each in events),
        )
        url = f"{reverse('admin:sessions_app_breakerevent_changelist')}?deployment__id__exact={deployment.pk}"
        words = f"Time to the first byte of streams, smoothed: {first_byte}."
        return format_html('<p>{}</p><ul>{}</ul><a href="{}">All that this breaker did</a>', words, rows, url)

    def has_test_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the actions of this name."""
        return request.user.has_perm("sessions_app.change_deployment")

    def has_remove_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return request.user.has_perm("sessions_app.delete_deployment")

    @action(description="Test", icon="send", permissions=["test"])
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Call it once, and say what came of it."""

        def call(_given: dict[str, Any]) -> str:
            tried = try_deployment(deployment_id=int(object_id), now=timezone.now())
            if not tried.is_good:
                raise Conflict(f"It did not answer as it should: {tried.words}")
            return f"It answered with {tried.words} after {tried.total_ms:.0f} ms."

        intro = (
            "One call with a few words is made now; the provider may charge a few tokens, which no budget pays. "
            "Its breaker hears what came of it. This may take up to 15 seconds."
        )
        return self._asked(request, object_id, ConfirmForm, call, title="Test", submit="Call it", intro=intro)

    @action(description="Reset breaker", icon="restart_alt", permissions=["test"])
    def reset(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Close its breaker by hand."""

        def call(_given: dict[str, Any]) -> str:
            reset_breaker(deployment_id=int(object_id), actor=actor_of(request), now=timezone.now())
            return "The breaker is closed: calls may go there at once."

        intro = "Calls go there again at once, and what was held against it is forgotten. It opens again by itself."
        return self._asked(request, object_id, ConfirmForm, call, title="Reset breaker", submit="Close it", intro=intro)

    @action(description="Remove", icon="delete", permissions=["remove"])
    def remove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Remove it, if no call was made to it."""

        def call(given: dict[str, Any]) -> str:
            deployment_id = int(object_id)
            remove_deployment(
                deployment_id=deployment_id, actor=actor_of(request), reason=given["reason"], now=timezone.now()
            )
            return "The deployment was removed. The audit log keeps what it was."

        intro = "One that calls were made to stays, since they name it: switch it off instead."
        object_or_404(request, self, object_id)
        return form_page(
            request,
            model_admin=self,
            form=WhyForm(posted(request)),
            call=call,
            title="Remove this deployment",
            submit="Remove it",
            intro=intro,
        )

    def _asked(
        self,
        request: HttpRequest,
        object_id: str,
        form: type[ConfirmForm],
        call: Callable[[dict[str, Any]], str],
        **words: Any,
    ) -> HttpResponse:
        return form_page(request, model_admin=self, form=form(posted(request)), call=call, object_id=object_id, **words)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is “Remove”, which says why one cannot go."""
        return False


def _health(deployment: Deployment) -> DeploymentHealth | None:
    try:
        return deployment.health
    except DeploymentHealth.DoesNotExist:
        return None
