"""The form of a deployment: a field for each column, and the secret, which goes in and never out."""

from __future__ import annotations

from copy import copy
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from climate.domain.model_classes import MODEL_CLASSES
from config.administration.base import ReasonForm
from config.administration.pages import add_refusal
from config.kernel.errors import DomainError
from sessions_app.models import Deployment
from sessions_app.services.gateway.counting import factor_table
from sessions_app.services.gateway.deployments import CHANGEABLE, filled

LABELS = {
    "base_url": "Address",
    "input_micro_usd_per_million": "Input, micro-USD for a million tokens",
    "cached_micro_usd_per_million": "Cached input, micro-USD for a million tokens",
    "output_micro_usd_per_million": "Output, micro-USD for a million tokens",
    "takes_image_urls": "Takes images by address",
    "takes_inline_images": "Takes images inside of messages",
    "takes_json_schema": "Answers by a JSON schema",
}
UNKNOWN = "Empty: not known, which never counts as nothing."
IMAGE_URLS = (
    "The provider fetches them. Without effect where the host is in UPSTREAM_PRIVATE_HOSTS: callers' addresses would "
    "be fetched from inside of your network, so only images inside of messages go there."
)


class DeploymentForm(ReasonForm):
    """What is known of a deployment."""

    aliases = forms.CharField(
        label="Other names",
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="Names that callers may use besides, one on a line. One that several deployments share is served "
        "by all of them; they then have one model class. “auto” is what callers ask for where triage is to choose.",
    )
    model_class = forms.ChoiceField(
        choices=[(name, name) for name in MODEL_CLASSES],
        widget=UnfoldAdminSelectWidget,
        help_text="Energy, capacity and price of the work are those of this class. The same for all that share a name.",
    )
    tokeniser = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget,
        help_text="Family in the table of token factors; exact only for OpenAI's own vocabularies.",
    )
    secret = forms.CharField(
        label="New secret",
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
        help_text="Stored sealed and never shown again. Empty: the one there is stays.",
    )
    secret_variable = forms.CharField(
        label="Secret from the environment",
        required=False,
        max_length=80,
        widget=UnfoldAdminTextInputWidget,
        help_text="A variable that begins with UPSTREAM_KEY_. It takes the place of a secret that is stored here.",
    )

    class Meta:
        model = Deployment
        exclude = ("sealed_secret", "created_at")
        labels = LABELS
        help_texts = {
            **dict.fromkeys((name for name in LABELS if name.endswith("_per_million")), UNKNOWN),
            "takes_image_urls": IMAGE_URLS,
        }

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.initial["aliases"] = "\n".join(self.instance.aliases)
        if "tokeniser" in self.fields:  # not where a page only shows it
            self.fields["tokeniser"].choices = [(each, each) for each in factor_table().families]  # type: ignore[attr-defined]

    def clean_aliases(self) -> list[str]:
        """One on a line."""
        return [line.strip() for line in self.cleaned_data["aliases"].splitlines() if line.strip()]

    def clean(self) -> dict[str, Any]:
        """Refuse what the service would refuse, before anything is stored."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            wanted = copy(self.instance)
            wanted.name = given.get("name", wanted.name)
            try:
                filled(wanted, self.values(), given["secret"])
            except DomainError as refusal:
                add_refusal(self, refusal)
        return given

    def validate_constraints(self) -> None:
        """The service has checked them, with words for a person."""

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        given = self.cleaned_data
        values = {name: given[name] for name in CHANGEABLE if name in given}
        return values | ({"region_id": given["region"].pk} if "region" in given else {})
