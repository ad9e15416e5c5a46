"""Where alerts go: e-mail and signed webhooks, tried with a button, with what came of each delivery."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from budgets.admin.channel_addresses import MaskedHistory, marked
from budgets.admin.channel_forms import ChannelFields, NewChannelForm
from budgets.domain.alerts import ChannelKind, ChannelState, DeliveryFacts
from budgets.models import AlertChannel
from budgets.selectors import list_deliveries
from budgets.selectors.channels import state_of, with_last_try
from budgets.services import change_channel, create_channel, remove_channel, rotate_secret, send_test
from budgets.services.channels import CHANGEABLE, check_channel
from config.administration.base import AuditedAdmin, ReasonForm
from config.administration.pages import ConfirmForm, actor_of, add_refusal, form_page, object_or_404, posted
from config.administration.typed import action, display
from config.kernel.errors import Conflict, DomainError

STATES = {
    ChannelState.ACTIVE: "active",
    ChannelState.FAILING: "failing",
    ChannelState.OFF: "switched off",
    ChannelState.GONE: "receiver wants no more",
    ChannelState.SECRET_LOST: "secret lost",
}
STATE_COLOURS = {
    "active": "success",
    "failing": "warning",
    "switched off": "info",
    "receiver wants no more": "danger",
    "secret lost": "danger",
}
SHOWN_DELIVERIES = 20
ONCE = "Copy the secret now, it is not shown again: {}"


class ChannelForm(ChannelFields, ReasonForm):
    """What may be changed of a channel; its kind, its owner and its secret stay."""

    def clean(self) -> dict[str, Any]:
        """Refuse what the service would refuse, before anything is stored."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            wanted = copy(self.instance)
            for name in CHANGEABLE:
                setattr(wanted, name, given[name])
            try:
                check_channel(wanted)
            except DomainError as refusal:
                add_refusal(self, refusal)
        return given


@admin.register(AlertChannel)
class AlertChannelAdmin(AuditedAdmin):
    """Channels of organisations and teams. The dashboard shows every alert without one."""

    form = ChannelForm
    list_display = ("name", "organisation", "team", "kind", "shown_state", "shown_kinds", "least_percent", "last_error")
    list_filter = (("organisation", RelatedDropdownFilter), ("kind", ChoicesDropdownFilter), "is_active")
    list_select_related = ("organisation", "team__organisation")
    search_fields = ("name", "organisation__name", "team__name")
    readonly_fields = ("organisation", "team", "kind", "created_at", "shown_state", "deliveries", "shown_address")
    actions_detail = ("test", "new_secret", "remove")
    fieldsets = (
        (None, {"fields": ("name", ("organisation", "team"), ("kind", "shown_state"), "address", "is_active")}),
        ("Which alerts", {"fields": ("alert_kinds", "least_percent")}),
        ("What came of it", {"fields": ("deliveries", "created_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the last try, which says how a channel is."""
        return with_last_try(super().get_queryset(request))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The address of a webhook may hold a key of the receiver: whole for those only who may change it."""
        fieldsets = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return fieldsets
        shown = {"address": "shown_address"}
        return [
            (title, {**options, "fields": [shown.get(str(name), name) for name in options["fields"]]})
            for title, options in fieldsets
        ]

    def audit_text(self, row: Any, name: str) -> str | None:
        """How the audit log writes a field: addresses without keys, everything else as it does."""
        return marked(row.kind, row.address) if name == "address" else None

    def get_historical_record_context_helper(self, request: HttpRequest, historical_record: Any) -> MaskedHistory:
        """Addresses without keys in the history, too."""
        return MaskedHistory(self.model, historical_record)

    @display(description="Address")
    def shown_address(self, channel: AlertChannel) -> str:
        """Of a webhook up to its host."""
        return marked(channel.kind, channel.address)

    @display(description="State", label=STATE_COLOURS)
    def shown_state(self, channel: AlertChannel) -> str:
        """In words, coloured."""
        return STATES[state_of(channel)]

    @display(description="Alerts")
    def shown_kinds(self, channel: AlertChannel) -> str:
        """Kinds of alert that go there."""
        return ", ".join(channel.alert_kinds) or "all"

    @display(description="Last problem")
    def last_error(self, channel: Any) -> str:
        """Of the last try; a dash where it arrived."""
        return channel.last_error or "–"

    @display(description="Last deliveries")
    def deliveries(self, channel: AlertChannel) -> SafeString:
        """The newest, with a way to all of them."""
        found = list_deliveries(channel_id=channel.pk, limit=SHOWN_DELIVERIES)
        url = f"{reverse('admin:budgets_alertdelivery_changelist')}?channel__id__exact={channel.pk}"
        rows = format_html_join("", "<li>{}: {}, {}</li>", ((_at(each), _what(each), _came(each)) for each in found))
        return format_html('<ul>{}</ul><a href="{}">Every delivery of this channel</a>', rows, url)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make a channel, and show the secret of a webhook once, on the next page."""
        if not self.has_add_permission(request):
            raise PermissionDenied

        def create(given: dict[str, Any]) -> str:
            organisation, team = given.pop("organisation"), given.pop("team")
            made = create_channel(
                organisation_id=organisation.pk,
                team_id=team.pk if team else None,
                actor=actor_of(request),
                now=timezone.now(),
                **given,
            )
            if made.secret:
                messages.warning(request, ONCE.format(made.secret))
            return f"The channel {given['name']} was made. Try it with “Send a test”."

        return form_page(
            request,
            model_admin=self,
            form=NewChannelForm(posted(request)),
            call=create,
            title="Add alert channel",
            submit="Make the channel",
            intro="A webhook gets a secret, shown once on the next page: receivers check signatures with it.",
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store what was changed through the service."""
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in CHANGEABLE}
        reason = form.cleaned_data["change_reason"]
        change_channel(channel_id=obj.pk, actor=actor_of(request), reason=reason, now=timezone.now(), **changes)

    def _may_change(self, request: HttpRequest, object_id: str | None, *kinds: ChannelKind) -> bool:
        """Whether an action is offered. A form that was sent for what does not fit is answered with the reason."""
        channel: Any = self.get_object(request, object_id) if object_id is not None else None
        fits = channel is None or request.method == "POST" or channel.kind in kinds
        return fits and request.user.has_perm("budgets.change_alertchannel")

    def has_test_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return self._may_change(request, object_id, *ChannelKind)

    def has_secret_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return self._may_change(request, object_id, ChannelKind.WEBHOOK)

    def has_remove_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return request.user.has_perm("budgets.delete_alertchannel")

    @action(description="Send a test", icon="send", permissions=["test"])
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send one now, and say what came of it."""

        def call(_given: dict[str, Any]) -> str:
            done = send_test(channel_id=int(object_id), actor=actor_of(request), now=timezone.now())
            tried = done.attempts[0]
            if tried.error:
                raise Conflict(f"The test did not arrive: {tried.error}.")
            answered = f"answered {tried.status_code}" if tried.status_code else "was handed to the mail server"
            return f"The test {answered} after {tried.duration_ms} ms. Its id is {done.id}."

        intro = "A test is sent once and says that nothing has happened. This may take up to 15 seconds."
        return self._confirmed(request, object_id, call, title="Send a test", submit="Send it", intro=intro)

    @action(description="New secret", icon="key", permissions=["secret"])
    def new_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Replace the secret and show the new one once."""

        def call(_given: dict[str, Any]) -> str:
            secret = rotate_secret(channel_id=int(object_id), actor=actor_of(request), now=timezone.now())
            messages.warning(request, ONCE.format(secret))
            return "The channel has a new secret."

        intro = "What is sent from now on is signed with the new secret only. It is shown once, on the next page."
        return self._confirmed(request, object_id, call, title="New secret", submit="Make a new secret", intro=intro)

    @action(description="Remove", icon="delete", permissions=["remove"])
    def remove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Remove the channel and its deliveries, after a question."""
        object_or_404(request, self, object_id)

        def call(_given: dict[str, Any]) -> str:
            remove_channel(channel_id=int(object_id), actor=actor_of(request), now=timezone.now())
            return "The channel was removed."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title="Remove this channel",
            submit="Remove it",
            intro="What waits for it is not sent, and its deliveries go too. Switch it off to keep them.",
        )

    def _confirmed(
        self, request: HttpRequest, object_id: str, call: Callable[[dict[str, Any]], str], **words: Any
    ) -> HttpResponse:
        form = ConfirmForm(posted(request))
        return form_page(request, model_admin=self, form=form, call=call, object_id=object_id, **words)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is “Remove”, which takes the deliveries along."""
        return False


def _at(delivery: DeliveryFacts) -> str:
    return moment(delivery.created_at)


def _what(delivery: DeliveryFacts) -> str:
    return f"{delivery.alert_kind} of {delivery.budget_name}" if delivery.alert_kind else "a test"


def _came(delivery: DeliveryFacts) -> str:
    tried = delivery.attempts[0] if delivery.attempts else None
    return f"{delivery.status} ({tried.error})" if tried and tried.error else str(delivery.status)


def moment(at: datetime | None) -> str:
    """A time to the second; a dash for none."""
    return f"{at:%d %b %Y %H:%M:%S} UTC" if at else "–"
