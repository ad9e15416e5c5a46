"""Holds: reserve on a whole path, then settle, release or let expire."""

from budgets.services.holds.lifecycle import expire_hold, place_hold, release_hold, settle_hold

__all__ = ["expire_hold", "place_hold", "release_hold", "settle_hold"]
