"""The stored function that places a hold, in four units. Only PostgreSQL has it."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SOURCE = Path(__file__).with_suffix(".sql")
BEFORE = Path(__file__).with_name("0005_place_hold.sql")


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(SOURCE.read_text(), params=None)


def restore(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(BEFORE.read_text(), params=None)


class Migration(migrations.Migration):
    dependencies = [("budgets", "0007_quota_changes_hands")]

    operations = [migrations.RunPython(create, restore)]
