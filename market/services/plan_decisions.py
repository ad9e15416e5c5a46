"""Decisions of requests that leave the plan for a grant of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from config.kernel.errors import Conflict
from market.domain.placement.plan import PlanInputs
from market.models import AllocationRun, Decision
from market.selectors.drafts import planned_decision
from market.selectors.plan_inputs import get_plan_inputs
from market.selectors.policies import PolicyFacts, get_policy_version
from market.services.planned import Planned


@dataclass
class PlanDecisions:
    """Makes the decisions of one run; what they share is read once."""

    run: AllocationRun
    _policies: dict[int, PolicyFacts] = field(default_factory=dict)

    @cached_property
    def inputs(self) -> PlanInputs:
        """What the run was computed from."""
        return get_plan_inputs(self.run.pk)

    def policy(self, policy_id: int) -> PolicyFacts:
        """A version of a policy."""
        if policy_id not in self._policies:
            self._policies[policy_id] = get_policy_version(policy_id)
        return self._policies[policy_id]

    def weight(self, planned: Planned) -> float:
        """The weight of the party that the request belongs to."""
        return self.inputs.parties[planned.rows[0].party].weight

    def make(self, planned: Planned, *, now: datetime) -> Decision:
        """The unsaved decision, with price and carbon as planned. Raises Conflict (`plan_differs`) if they are not."""
        decision = planned_decision(
            planned.request,
            planned.rows,
            run_id=self.run.pk,
            inputs=self.inputs,
            policy=self.policy(planned.request.policy_id),
            is_degraded=self.run.is_degraded,
        )
        if decision.granted_tokens != planned.amounts.tokens or decision.total_micro_usd != planned.total_micro_usd:
            raise Conflict("The facts of the plan do not come to what it planned.", code="plan_differs")
        decision.made_at = now
        return decision
