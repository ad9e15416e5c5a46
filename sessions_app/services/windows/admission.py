"""Whether a window may take something new, and whether it can be kept as small as its profile wants."""

from __future__ import annotations

from config.kernel.errors import Conflict
from sessions_app.domain.windows import perpetual_target, rearmed
from sessions_app.domain.words import Rung
from sessions_app.models import Instance, Session
from sessions_app.selectors.policies import terms_of
from sessions_app.services.windows.ladder import floor_tokens
from sessions_app.services.windows.sizes import window_of


def is_refusing(session: Session, instance: Instance) -> bool:
    """Whether the window admits nothing new: from its rung on until that is armed again."""
    return Rung.REFUSE in rearmed(window_of(instance), instance.fired_rungs, terms_of(session))


def window_full(instance: Instance) -> Conflict:
    """The refusal of a window that is full, or would be."""
    window = window_of(instance)
    return Conflict(
        f"The window of {instance.agent} takes nothing new: it would be at {window.percent:.0f} %."
        " Let it be cleaned up, drop what is not needed, or hand over.",
        field="tokens",
        code="window_full",
        occupancy_percent=window.percent,
        context_tokens=window.context,
        window_tokens=window.size,
    )


def require_small_floor(session: Session, instance: Instance) -> None:
    """Raise Conflict with code `pinned_exceed_perpetual` if a perpetual window cannot be kept small."""
    if session.profile != Session.Profile.PERPETUAL:
        return
    floor, terms = floor_tokens(instance), terms_of(session)
    if perpetual_target(window_of(instance), floor, terms) is None:
        raise Conflict(
            f"This window is kept below {terms.ladder.perpetual_percent} % for ever. What is pinned or has no items"
            f" takes {floor} tokens, and {instance.max_output_tokens} are for the next output: it cannot be kept.",
            field="is_pinned",
            code="pinned_exceed_perpetual",
            floor_tokens=floor,
        )
