"""One GET, and what of it may go where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from climate.connectors.http.addresses import origin_of
from climate.connectors.http.memory import Remembered

HARMLESS_HEADERS = frozenset({"accept", "user-agent"})
Params = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One GET. Everything but the address belongs to its origin only."""

    url: str
    params: Params
    headers: Mapping[str, str]
    auth: tuple[str, str] | None

    def moved_to(self, location: str) -> Question:
        """The same, where a redirect points to. Keys do not come along to another origin."""
        url = urljoin(self.url, location)
        if origin_of(url) == origin_of(self.url):
            return replace(self, url=url, params={})
        harmless = {name: value for name, value in self.headers.items() if name.lower() in HARMLESS_HEADERS}
        return Question(url=url, params={}, headers=harmless, auth=None)

    def conditional(self, known: Remembered | None) -> Question:
        """The same, to be answered in full only if it has changed."""
        if known is None:
            return self
        validators = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
        return replace(self, headers={**self.headers, **{name: value for name, value in validators.items() if value}})

    @property
    def text(self) -> str:
        """What tells it from other questions. May hold keys."""
        params = sorted(
            (name, value if isinstance(value, str) else tuple(value)) for name, value in self.params.items()
        )
        return repr((self.url, params, sorted(self.headers.items()), self.auth))

    @property
    def has_key(self) -> bool:
        """Whether anything in it may be meant for one origin only."""
        return bool(self.auth or self.params) or any(name.lower() not in HARMLESS_HEADERS for name in self.headers)
