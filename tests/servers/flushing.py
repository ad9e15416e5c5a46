"""Emptying the database after a test whose transactions were real, in a tenth of the time that Django takes for it."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations

from tests.servers.rows import put_rows

LARGE_BYTES = 1_000_000


def flush_quickly() -> None:
    """Change how this process flushes: on PostgreSQL only tables that have rows are emptied, and what Django makes
    after it, such as permissions, is put back as it was made the first time."""
    emit = flush.emit_post_migrate_signal

    def put_what_migrations_leave(verbosity: int, interactive: bool, database: str, **given: Any) -> None:
        put_rows("after migrations", lambda: emit(verbosity, interactive, database, **given))

    flush.emit_post_migrate_signal = put_what_migrations_leave
    if connection.vendor == "postgresql" and _may_leave_out_triggers():
        operations = type(connection.ops)
        operations.sql_flush = _deletions  # type: ignore[method-assign]
        operations.execute_sql_flush = _delete_and_vacuum  # type: ignore[method-assign]


def _may_leave_out_triggers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SHOW is_superuser")
        return bool(cursor.fetchone()[0] == "on")


def _deletions(self: BaseDatabaseOperations, style: Any, tables: list[str], **_given: Any) -> list[str]:
    """A new file for every table and index, as TRUNCATE makes, takes longer than to delete some rows."""
    looks = [f"(SELECT '{table}' FROM {self.quote_name(table)} LIMIT 1)" for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        filled = [row[0] for row in cursor.fetchall()]
    # Neither foreign keys nor the triggers that forbid to delete are asked: all goes.
    deletions = [f"DELETE FROM {self.quote_name(table)}" for table in filled]
    return ["SET LOCAL session_replication_role = replica", *deletions] if filled else []


def _delete_and_vacuum(self: Any, sql_list: list[str]) -> None:
    BaseDatabaseOperations.execute_sql_flush(self, sql_list)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%%I', relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
            "AND pg_relation_size(oid) > %s",
            [LARGE_BYTES],
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"VACUUM {table}")
