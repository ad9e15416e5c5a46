"""The stored function that places a hold in one round trip. Only PostgreSQL has it."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SOURCE = Path(__file__).with_suffix(".sql")


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(SOURCE.read_text(), params=None)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS commonwatt_place_hold", params=None)


class Migration(migrations.Migration):
    dependencies = [("budgets", "0004_drop_crossings")]

    operations = [migrations.RunPython(create, drop)]
