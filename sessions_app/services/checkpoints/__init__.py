"""Checkpoints: points of the log to return to, each with a document that says how to go on."""

from sessions_app.services.checkpoints.asking import CheckpointAsk, Kept, ask_checkpoint, key_of, save_checkpoint
from sessions_app.services.checkpoints.making import Origin, Said, checkpoint_if_due, make_checkpoint
from sessions_app.services.checkpoints.replaying import STORE_FAILED, Replayed, replay_spool
from sessions_app.services.checkpoints.restoring import Restored, restore, restore_checkpoint
from sessions_app.services.checkpoints.tending import make_due_checkpoints

__all__ = [
    "STORE_FAILED",
    "CheckpointAsk",
    "Kept",
    "Origin",
    "Replayed",
    "Restored",
    "Said",
    "ask_checkpoint",
    "checkpoint_if_due",
    "key_of",
    "make_checkpoint",
    "make_due_checkpoints",
    "replay_spool",
    "restore",
    "restore_checkpoint",
    "save_checkpoint",
]
