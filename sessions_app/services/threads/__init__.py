"""Threads of agents that keep their checkpoints by LangGraph's interface: a thread is a session by its external id."""

from sessions_app.services.threads.asks import BlobAsk, CheckpointAsk, WriteAsk, WritesAsk
from sessions_app.services.threads.copying import copy_thread
from sessions_app.services.threads.removing import delete_runs, delete_thread, prune_thread
from sessions_app.services.threads.restoring import restore_thread
from sessions_app.services.threads.storing import put_checkpoint, put_writes

__all__ = [
    "BlobAsk",
    "CheckpointAsk",
    "WriteAsk",
    "WritesAsk",
    "copy_thread",
    "delete_runs",
    "delete_thread",
    "prune_thread",
    "put_checkpoint",
    "put_writes",
    "restore_thread",
]
