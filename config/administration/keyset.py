"""Lists that stay fast however many rows there are: nothing is counted, and a page starts where another ended.

A page is found by the key of its first or last row (`?before=` and `?after=`), so that the
hundred-thousandth page costs what the first one does. Newest first, by the primary key.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from config.administration.typed import AnyChangeList, AnyPaginator

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    _Parent = ModelAdmin[Any]
else:
    _Parent = object

BEFORE, AFTER = "before", "after"
SLACK = timedelta(minutes=10)
"""Rows are stored nearly in the order of their times: no transaction and no clock is further off than this."""


class KeysetPaginator(AnyPaginator):
    """What the foot of the list is told: the rows of this page, and the ways on and back."""

    template_name = "admin/commonwatt/keyset_pages.html"
    older = newer = newest = ""
    looked_through = ""


class KeysetChangeList(AnyChangeList):
    """A list by key, newest first, without a count, an offset or another order."""

    model_admin: Any

    def get_ordering(self, request: HttpRequest, queryset: Any) -> Any:
        """One order only: the one that the key has."""
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        """The rows before or after a key, or the newest."""
        before, after = (self._key(request, name) for name in (BEFORE, AFTER))
        size = self.list_per_page
        newer = [] if after is None else list(self.queryset.filter(pk__gt=after).order_by("pk")[: size + 1])
        if len(newer) > size:
            self._show(newer[:size][::-1], is_front=False, has_older=True)
        elif self.model_admin.looks_through(request):
            self._look(before)
        else:  # nothing lies beyond a page at the front, which is shown whole
            before = None if after is not None else before
            rows = list(_older(self.queryset, before)[: size + 1])
            self._show(rows[:size], is_front=before is None, has_older=len(rows) > size)

    def _look(self, before: Any) -> None:
        """What is found among the next rows. No index leads to it, so their number is bounded."""
        most, size = self.model_admin.most_looked_through, self.list_per_page
        top = before or self.root_queryset.order_by("-pk").values_list("pk", flat=True).first() or 0
        floor = top - most
        rows = list(_older(self.queryset.filter(pk__gte=floor), before)[: size + 1])
        paginator = self._show(rows[:size], is_front=True, has_older=len(rows) > size)
        if len(rows) <= size and self.root_queryset.filter(pk__lt=floor).exists():
            paginator.older = self.get_query_string({BEFORE: floor})
            paginator.looked_through = f"{most:,}"
        if before is not None:
            paginator.newest = self.get_query_string()

    def _show(self, rows: list[Any], *, is_front: bool, has_older: bool) -> KeysetPaginator:
        paginator = KeysetPaginator(rows, self.list_per_page)
        if has_older:
            paginator.older = self.get_query_string({BEFORE: rows[-1].pk})
        if not is_front:
            paginator.newer = self.get_query_string({AFTER: rows[0].pk} if rows else {})
        self.result_list = rows
        self.paginator = paginator
        self.result_count = len(rows)
        self.full_result_count = len(rows)  # nothing is said of how many there are in all
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False
        return paginator

    def _key(self, request: HttpRequest, name: str) -> Any:
        """The key that a page starts from; None where there is none or it cannot be meant."""
        given = request.keyset_place.get(name)  # type: ignore[attr-defined]
        try:
            key: int | None = self.lookup_opts.pk.to_python(given or None)
        except ValidationError:
            return None
        return key if key is None or 0 < key < 2**63 else None


class KeysetMixin(_Parent):
    """For a page of records with a growing whole number as its key."""

    sortable_by = ()
    show_full_result_count = False
    scanned: tuple[str, ...] = ()
    """Filters to whose rows no index leads: such a page looks through a bounded number of rows."""
    most_looked_through = 500_000

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Any]:
        """In place of the list with numbered pages."""
        return KeysetChangeList

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Take the place in the list out of the address: it is no filter, and another filter begins at the newest."""
        given = request.GET.copy()
        request.keyset_place = {  # type: ignore[attr-defined]
            name: given.pop(name)[-1] for name in (BEFORE, AFTER) if name in given
        }
        request.GET = given  # type: ignore[assignment]
        return super().get_changelist_instance(request)

    def looks_through(self, request: HttpRequest) -> bool:
        """Whether what is asked for must be looked for row by row."""
        return any(request.GET.get(name) for name in self.scanned)


class KeyedTimeFilter(RangeDateTimeFilter):  # type: ignore[misc]  # the library carries no types
    """A range of time, in UTC, on rows stored in the order of time: the key leads to them, without another index.

    A day without a time is meant from its beginning, and to its end.
    """

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The rows in the range, and only their part of the keys."""
        name = self.parameter_name
        try:
            since, until = self._moment("from", time.min), self._moment("to", time.max)
        except ValueError:
            return queryset.none()
        if since is not None:
            queryset = queryset.filter(**{f"{name}__gte": since}, pk__gte=key_at(queryset.model, name, since - SLACK))
        if until is not None:
            queryset = queryset.filter(**{f"{name}__lte": until}, pk__lt=key_at(queryset.model, name, until + SLACK))
        return queryset

    def _moment(self, end: str, usual: time) -> datetime | None:
        """What was typed at one end; None where nothing was. Raises ValueError."""
        day, hour = (self.used_parameters.get(f"{self.parameter_name}_{end}_{part}") for part in (0, 1))
        if not day:
            return None
        at = time.fromisoformat(hour) if hour else usual
        return datetime.combine(date.fromisoformat(day), at.replace(tzinfo=None), tzinfo=UTC)


def key_at(model: Any, column: str, moment: datetime) -> int:
    """The least key from which on rows are not older than `moment`, by halving: some 25 looks for 10 million rows."""
    rows = model.objects.order_by("pk").values_list("pk", column)
    low, high = 0, (model.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = rows.filter(pk__gte=middle).first()
        if found is None or found[1] >= moment:
            high = middle
        else:
            low = found[0] + 1
    return low


def _older(rows: QuerySet[Any], before: Any) -> QuerySet[Any]:
    return (rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")
