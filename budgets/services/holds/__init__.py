"""Holds: reserve on a whole path, then dispatch, settle, release or let expire."""

from budgets.services.holds.carving import carve_hold, carve_holds, shrink_hold
from budgets.services.holds.consuming import consume
from budgets.services.holds.give_back import dispatch_hold, expire_hold, release_hold
from budgets.services.holds.many import note_refusals, place_holds
from budgets.services.holds.place import place_hold, place_hold_once
from budgets.services.holds.plans import resize_hold, resize_holds
from budgets.services.holds.refusals import note_refusal
from budgets.services.holds.settle import settle_hold, settle_unverified
from budgets.services.holds.settle_many import end_holds, lock_holds
from budgets.services.holds.sweep import sweep_holds

__all__ = [
    "carve_hold",
    "carve_holds",
    "consume",
    "dispatch_hold",
    "end_holds",
    "expire_hold",
    "lock_holds",
    "note_refusal",
    "note_refusals",
    "place_hold",
    "place_hold_once",
    "place_holds",
    "release_hold",
    "resize_hold",
    "resize_holds",
    "settle_hold",
    "settle_unverified",
    "shrink_hold",
    "sweep_holds",
]
