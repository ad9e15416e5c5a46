"""Lists that stay fast however many rows there are: nothing is counted, and a page starts where another ended.

A page is found by the key of its first or last row (`?before=` and `?after=`), so that the
hundred-thousandth page costs what the first one does. Newest first, by the primary key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from config.administration.typed import AnyChangeList, AnyPaginator

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    _Parent = ModelAdmin[Any]
else:
    _Parent = object

BEFORE, AFTER = "before", "after"


class KeysetPaginator(AnyPaginator):
    """What the foot of the list is told: the rows of this page, and the ways on and back."""

    template_name = "admin/commonwatt/keyset_pages.html"
    older = ""
    newer = ""


class KeysetChangeList(AnyChangeList):
    """A list by key, newest first, without a count, an offset or another order."""

    def get_ordering(self, request: HttpRequest, queryset: Any) -> Any:
        """One order only: the one that the key has."""
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        """The rows before or after a key, or the newest."""
        before, after = (self._key(request, name) for name in (BEFORE, AFTER))
        size = self.list_per_page
        newer = [] if after is None else list(self.queryset.filter(pk__gt=after).order_by("pk")[: size + 1])
        if len(newer) > size:
            self._show(newer[:size][::-1], has_newer=True, has_older=True)
        else:  # nothing lies beyond a page at the front, which is shown whole
            before = None if after is not None else before
            rows = list(_older(self.queryset, before)[: size + 1])
            self._show(rows[:size], has_newer=before is not None, has_older=len(rows) > size)

    def _show(self, rows: list[Any], *, has_newer: bool, has_older: bool) -> None:
        paginator = KeysetPaginator(rows, self.list_per_page)
        if has_older:
            paginator.older = self.get_query_string({BEFORE: rows[-1].pk})
        if has_newer:
            paginator.newer = self.get_query_string({AFTER: rows[0].pk} if rows else {})
        self.result_list = rows  # type: ignore[assignment]
        self.paginator = paginator
        self.result_count = len(rows)
        self.full_result_count = None
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False

    def _key(self, request: HttpRequest, name: str) -> Any:
        """The key that a page starts from; None where there is none or it cannot be meant."""
        given = request.keyset_place.get(name)  # type: ignore[attr-defined]
        try:
            return self.lookup_opts.pk.to_python(given or None)
        except ValidationError:
            return None


def _older(rows: QuerySet[Any], before: Any) -> QuerySet[Any]:
    return (rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")


class KeysetMixin(_Parent):
    """For a page of records with a growing whole number as its key."""

    sortable_by = ()
    show_full_result_count = False

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
