"""Pages about several budgets: the tree, and rebalancing what is below one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from budgets.admin.amounts import plain
from budgets.admin.change_forms import SwarmForm, TemplateForm
from budgets.admin.tree import path_to, read_tree
from budgets.models import Budget
from budgets.services import rebalance
from budgets.services.proposals import propose_changes
from budgets.services.swarms import allot_swarm
from budgets.services.templates import make_tree
from config.administration.pages import ConfirmForm, WhyForm, actor_of, form_page, object_or_404, posted
from config.administration.typed import action

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    _Parent = ModelAdmin[Any]
else:
    _Parent = object

LAST_PAGE = 1000


class TreeActions(_Parent):
    """What the list of budgets offers, and what a budget offers for those below it."""

    def has_look_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the tree: who may see budgets."""
        return request.user.has_perm("budgets.view_budget")

    @action(description="Tree", icon="account_tree", permissions=["look"])
    def tree(self, request: HttpRequest) -> HttpResponse:
        """Budgets under those that they are part of."""
        root = self._root(request)
        page = _page(request)
        part = read_tree(below=root.pk if root else None, page=page)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Budgets below {root.name}" if root else "Tree of budgets",
            "opts": self.model._meta,
            "root": root,
            "path": path_to(root)[:-1] if root else [],
            "branches": part.branches,
            "newer": _link(root, page - 1) if page > 1 else "",
            "older": _link(root, page + 1) if part.has_more and page < LAST_PAGE else "",
            "may_add": self.has_add_permission(request),
            "now": timezone.now(),
        }
        return TemplateResponse(request, "admin/commonwatt/tree.html", context)

    def _root(self, request: HttpRequest) -> Budget | None:
        asked = request.GET.get("root")
        found = self.get_object(request, asked) if asked else None
        if asked and found is None:
            raise Http404
        return found

    @action(description="From a template", icon="library_add", permissions=["make"])
    def from_template(self, request: HttpRequest) -> HttpResponse:
        """A tree of budgets below one, in one go."""

        def call(given: dict[str, Any]) -> str:
            above = given["parent"]
            make_tree(
                template=given["template"],
                name=given["name"],
                parent_id=above.pk,
                organisation_id=above.organisation_id,
                team_id=above.team_id,
                actor=actor_of(request),
                now=timezone.now(),
            )
            return f"{given['name']} was made, with all budgets below it."

        return form_page(
            request,
            model_admin=self,
            form=TemplateForm(posted(request), initial={"parent": self.get_object(request, _asked(request, "parent"))}),
            call=call,
            title="Make a tree of budgets from a template",
            submit="Make the tree",
            intro="All of its budgets are made, or none. What a template holds is under Templates of budgets.",
        )

    def has_make_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the actions that make budgets."""
        return self.has_add_permission(request)

    @action(description="Allot a swarm", icon="hive", permissions=["allot"])
    def swarm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A budget below, of the usual size, for a swarm of agents."""
        pool = object_or_404(request, self, object_id)

        def call(given: dict[str, Any]) -> str:
            allot_swarm(parent_id=pool.pk, actor=actor_of(request), now=timezone.now(), **given)
            return f"The swarm {given['name']} has its budget."

        return form_page(
            request,
            model_admin=self,
            form=SwarmForm(posted(request)),
            call=call,
            title=f"Allot a swarm from {pool.name}",
            submit="Allot it",
            intro="Makes a budget in tokens below this one, once and not renewed. A reserve is always kept back:"
            " Thresholds say how much, and what a swarm usually gets.",
            object_id=object_id,
        )

    @action(description="Rebalance those below", icon="balance", permissions=["allot"])
    def rebalance_below(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what would change; change it once somebody says why."""
        budget = object_or_404(request, self, object_id)
        who = {"parent_id": budget.pk, "actor": actor_of(request), "now": timezone.now()}

        def call(given: dict[str, Any]) -> str:
            lines = rebalance(reason=given["reason"], **who)
            changed = sum(line.before != line.after for line in lines)
            return f"{changed} of {len(lines)} limits were changed."

        lines = [] if request.method == "POST" else rebalance(reason="trial", is_trial=True, **who)
        rows = [(line.name, *map(plain, (line.used, line.before, line.after)), line.unit) for line in lines]
        return form_page(
            request,
            model_admin=self,
            form=WhyForm(posted(request)),
            call=call,
            title=f"Rebalance the budgets below {budget.name}",
            submit="Apply it",
            intro="Allotment that was not used flows to where it was used of late (Thresholds, rebalance-recent)."
            " Nothing is added or lost; nobody falls below its floor, below what is spent and reserved, nor below the"
            " share that a budget keeps though nobody used it (Thresholds, share-least)."
            " Budgets with four eyes stay.",
            object_id=object_id,
            template="admin/commonwatt/rebalance.html",
            extra={"rows": rows, "is_trial": request.method != "POST"},
        )

    @action(description="Propose other shares", icon="lightbulb", permissions=["allot"])
    def propose_shares(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Work out from past periods which limits below should change; nothing changes yet."""
        budget = object_or_404(request, self, object_id)

        def call(given: dict[str, Any]) -> str:
            made = propose_changes(parent_id=budget.pk, actor=actor_of(request), now=timezone.now())
            if made is None:
                return "Nothing should change, or too few periods have ended."
            return "A proposal was made. Accept or reject it under Proposals."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title=f"Propose other shares for the budgets below {budget.name}",
            submit="Analyse past periods",
            intro="A budget that turned requests away in many hours is proposed a larger share, one that is hardly used"
            " a smaller one, within the bounds that Thresholds name. Nothing changes before somebody accepts it.",
            object_id=object_id,
        )


def _asked(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "")


def _page(request: HttpRequest) -> int:
    asked = request.GET.get("page", "1")
    return min(max(int(asked), 1), LAST_PAGE) if asked.isdecimal() and len(asked) < 7 else 1


def _link(root: Budget | None, page: int) -> str:
    return f"?root={root.pk}&page={page}" if root else f"?page={page}"
