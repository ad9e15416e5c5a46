"""The ladder: what happens as a window fills."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from sessions_app.domain.terms import SessionTerms
from sessions_app.domain.windows import PERPETUAL, crossed, gain_tokens, percent_of, perpetual_target, rearmed
from sessions_app.domain.words import Protocol, Reason, Rung
from sessions_app.models import ContextItem, Instance, Session
from sessions_app.selectors.policies import terms_of
from sessions_app.services.checkpoints import make_checkpoint
from sessions_app.services.cleanup import compact
from sessions_app.services.handoffs import begin_handoff
from sessions_app.services.log import Draft, append
from sessions_app.services.tiers import offload
from sessions_app.services.windows.sizes import window_of


def climb(session: Session, instance: Instance, *, actor: str, now: datetime) -> list[Rung]:
    """Fire the rungs that the window of an active instance has reached, lowest first, and return them.

    Before each the occupancy is looked at again: what a lower rung freed spares the higher ones. Each
    fires once until occupancy is `rearm_points` below it. Call it after every change of a window, in
    the transaction that locked the session.
    """
    step = _Step(session, instance, terms_of(session), actor, now)
    before = list(instance.fired_rungs)
    if session.profile == Session.Profile.PERPETUAL:
        step.keep_small()
    fired = []
    for rung in crossed(window_of(instance), before, step.terms):
        if window_of(instance).is_at(percent_of(step.terms)[rung]):
            step.fire(rung)
            fired.append(rung)
    instance.fired_rungs = rearmed(window_of(instance), instance.fired_rungs, step.terms)
    if instance.fired_rungs != before:
        instance.save(update_fields=["fired_rungs"])
    return fired


@dataclass(slots=True)
class _Step:
    """One climb of one instance."""

    session: Session
    instance: Instance
    terms: SessionTerms
    actor: str
    now: datetime

    def fire(self, rung: Rung) -> None:
        """Tell it, then act. It counts as fired before it acts: what acts may look at the window as well."""
        self.instance.fired_rungs = [*self.instance.fired_rungs, rung.value]
        self._tell(rung)
        if rung == Rung.OFFLOAD:
            self._offload()
        elif rung == Rung.CHECKPOINT:
            self._checkpoint()
        elif rung == Rung.EMERGENCY:
            self._rescue()

    def keep_small(self) -> None:
        """Compact a perpetual window, or say once why it cannot be kept small."""
        window = window_of(self.instance)
        if not window.is_at(self.terms.ladder.perpetual_percent):
            self._forget_refusal()
            return
        floor = floor_tokens(self.instance)
        target = perpetual_target(window, floor, self.terms)
        refused = "Pinned parts and parts without items exceed it."
        if target is not None:
            self._compact(target, "perpetual")
            refused = (
                "Nothing more may leave: instructions, what belongs to the system, and the conversation of the"
                f" last {self.terms.cleanup.keep_whole_minutes} minutes."
            )
        if not window_of(self.instance).is_at(self.terms.ladder.perpetual_percent):
            self._forget_refusal()
        elif PERPETUAL not in self.instance.fired_rungs:
            self.instance.fired_rungs = [*self.instance.fired_rungs, PERPETUAL]
            self._tell(PERPETUAL, refused=refused, floor_tokens=floor)

    def _forget_refusal(self) -> None:
        self.instance.fired_rungs = [each for each in self.instance.fired_rungs if each != PERPETUAL]

    def _offload(self) -> None:
        offload(self.session, self.instance, actor=self.actor, now=self.now)

    def _checkpoint(self) -> None:
        make_checkpoint(self.session, reason=Reason.THRESHOLD, actor=self.actor, now=self.now)
        freed = self._compact_by_gain("checkpoint")
        window = window_of(self.instance)
        is_enough = freed >= gain_tokens(window, self.terms) and not window.is_at(self.terms.ladder.checkpoint_percent)
        # Above the emergency rung the emergency protocol begins; a graceful one would be overtaken at once.
        if not is_enough and not window.is_at(self.terms.ladder.emergency_percent):
            self._hand_off(Protocol.GRACEFUL)

    def _rescue(self) -> None:
        self._compact_by_gain("emergency")
        if window_of(self.instance).is_at(self.terms.ladder.emergency_percent):
            self._hand_off(Protocol.EMERGENCY)

    def _compact_by_gain(self, reason: str) -> int:
        window = window_of(self.instance)
        return self._compact(max(0, window.context - gain_tokens(window, self.terms)), reason)

    def _compact(self, target_tokens: int, reason: str) -> int:
        """Free what can be freed down to a target; returns the tokens freed."""
        freed = compact(
            self.session,
            self.instance,
            target_tokens=target_tokens,
            reason=reason,
            actor=self.actor,
            now=self.now,
        )
        return freed.tokens_before - freed.tokens_after

    def _hand_off(self, protocol: Protocol) -> None:
        reason = f"The window of {self.instance.agent} is at {window_of(self.instance).percent:.0f} %."
        begin_handoff(self.session, protocol=protocol, reason=reason, actor=self.actor, now=self.now)

    def _tell(self, rung: str, **more: object) -> None:
        window = window_of(self.instance)
        facts = {
            "agent": self.instance.agent,
            "epoch": self.instance.epoch,
            "rung": str(rung),
            "occupancy_percent": window.percent,
            "context_tokens": window.context,
            "window_tokens": window.size,
            **more,
        }
        draft = Draft(kind="rung.reached", actor=self.actor, instance=self.instance, facts=facts)
        append(self.session, draft, now=self.now)


def floor_tokens(instance: Instance) -> int:
    """Context tokens that no cleanup can free: pinned, or in no item."""
    unpinned = ContextItem.objects.filter(instance=instance, is_pinned=False)
    return instance.context_tokens - int(unpinned.aggregate(tokens=Sum("tokens", default=0))["tokens"])
