"""The form of a policy version: one field for each term, so that nobody writes JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from config.administration.text import pretty_json
from sessions_app.domain.terms import STRATEGIES, SessionTerms

TITLES = {
    "ladder": ("Ladder on occupancy", "Percent of a window that context and the next output take."),
    "shares": (
        "Shares of components",
        "Most of a window, less its output, for each component; they sum to 100.",
    ),
    "cleanup": ("Cleanup", "What is shortened or put away, how idle it must be, and how much of it is kept."),
    "memory": ("Memory", "Sizes of the tiers, and how long each kind of memory is shown in its view."),
    "checkpoints": (
        "Checkpoints and log",
        "When one is made, how many stay hot, when events are archived.",
    ),
    "handoffs": ("Handoffs", "Deadlines in seconds, and the quorum of each protocol."),
    "forecasts": ("Forecasts", "How burn rates are smoothed, and when a handoff is begun beforehand."),
    "needs": ("Needs of tasks", "Points of complexity, and the tokens that a task of each size is expected to need."),
    "agreement": ("Rounds", "When two texts are a repeat, how many cycles run, when a round agrees."),
    "similar": ("Sessions that are alike", "Vectors of what sessions are about; they need PostgreSQL with pgvector."),
}
UNITS = {
    "percent": "%",
    "points": "Points.",
    "tokens": "Tokens.",
    "minutes": "Minutes.",
    "seconds": "Seconds.",
    "days": "Days.",
    "bytes": "Bytes.",
    "events": "Events.",
}
HELPS = {
    "cleanup.excerpt_keep_percent": "% of files and answers of tools, while room is needed.",
    "cleanup.documentation_keep_percent": "% of documentation, while room is needed.",
    "memory.working_minutes": "Minutes. What is idle for longer leaves the view; of the state, also for the archive.",
    "memory.episodic_days": "Days. Older events and summaries leave the view, not the log or the archive.",
    "memory.semantic_days": "Days. Older facts and knowledge leave the view; pinned ones stay.",
    "memory.collective_days": "Days. Older shared parts of the state and facts of sessions alike leave the view.",
    "similar.embedding_model": "Empty: none. A model of the gateway; the session's budget pays each of its calls.",
    "similar.least_cosine_percent": "%. How near vectors of unlike sessions come at most; differs by model.",
}
LISTS = {"cleanup.order": f"One on a line, in the order in which they run: some of {', '.join(STRATEGIES)}."}


class TermsForm(forms.Form):
    """The terms of a version, prefilled from `start`, and why it exists. Limits are checked by the service.

    `titles` names each section with a title and a help text, `lists` says how a list is written, one item on a line,
    `helps` explains single terms, and `may_be_empty` names texts that may.
    """

    titles: ClassVar[Mapping[str, tuple[str, str]]]
    lists: ClassVar[Mapping[str, str]] = {}
    helps: ClassVar[Mapping[str, str]] = {}
    may_be_empty: ClassVar[frozenset[str]] = frozenset()

    rationale = forms.CharField(
        label="Why this version",
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="Everybody who is affected by the policy can read this.",
    )

    def __init__(self, *args: Any, start: dict[str, Any], **kwargs: Any):
        self.start = start
        self.terms = dict(_leaves(start))
        kwargs["initial"] = {
            key: "\n".join(value) if isinstance(value, list) else value for key, value in self.terms.items()
        }
        super().__init__(*args, **kwargs)
        for key, value in self.terms.items():
            self.fields[key] = self._field(key, value)

    def sections(self) -> Iterator[dict[str, Any]]:
        """Title, help and fields of each part of the page; last what is said about the version itself."""
        for section, (title, words) in self.titles.items():
            fields = [self[key] for key in self.terms if key.split(".")[0] == section]
            yield {"title": title, "help": words, "fields": fields}
        own = [self[name] for name in ("name", "rationale") if name in self.fields]
        yield {"title": "About this version", "help": "", "fields": own}

    def start_as_json(self) -> str:
        """The terms that the form starts from, for those who want to see them as the API says them."""
        return pretty_json(self.start)

    def body(self) -> dict[str, Any]:
        """The body that a valid form describes."""
        body: dict[str, Any] = {}
        for key in self.terms:
            *above, leaf = key.split(".")
            place = body
            for name in above:
                place = place.setdefault(name, {})
            value = self.cleaned_data[key]
            place[leaf] = _lines(value) if key in self.lists else value
        return body

    def _field(self, key: str, value: Any) -> forms.Field:
        name = key.partition(".")[2]
        label = name.replace(".", ": ").replace("_", " ").capitalize()
        if key in self.lists:
            rows = UnfoldAdminTextareaWidget({"rows": 11})
            return forms.CharField(label=label, help_text=self.lists[key], widget=rows)
        unit = next((words for part, words in UNITS.items() if part in name.replace(".", "_").split("_")), "")
        words = self.helps.get(key, unit)
        if isinstance(value, str):
            needed = key not in self.may_be_empty
            return forms.CharField(label=label, help_text=words, widget=UnfoldAdminTextInputWidget, required=needed)
        widget = UnfoldAdminTextInputWidget({"inputmode": "numeric", "autocomplete": "off"})
        return forms.IntegerField(label=label, help_text=words, widget=widget)


class VersionForm(TermsForm):
    """A version of a session policy."""

    titles = {section: TITLES[section] for section in SessionTerms.SECTIONS}
    lists = LISTS
    helps = HELPS
    may_be_empty = frozenset({"similar.embedding_model"})

    def __init__(self, *args: Any, start: dict[str, Any], **kwargs: Any):
        super().__init__(*args, start={**SessionTerms.MAY_BE_ABSENT, **start}, **kwargs)


class NewPolicyForm(VersionForm):
    """A policy under a new name."""

    name = forms.SlugField(max_length=40, widget=UnfoldAdminTextInputWidget, help_text="Sessions name a policy by it.")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _leaves(body: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in body.items():
        key = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            yield from _leaves(value, key)
        else:
            yield key, value
