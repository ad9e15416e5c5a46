"""Crossings become alerts, and every budget says what it stands for."""

from django.db import migrations

BELOW = {"organisation": "team", "team": "session", "session": "agent"}


def keep_crossings(apps, schema_editor):
    Alert, Crossing = apps.get_model("budgets", "BudgetAlert"), apps.get_model("budgets", "ThresholdCrossing")
    Alert.objects.bulk_create(
        Alert(
            budget_id=row.budget_id,
            kind="percent",
            level=row.percent,
            period_starts_at=row.period_starts_at,
            at=row.at,
            fanned_out_at=row.at,  # there were no channels then
        )
        for row in Crossing.objects.iterator()
    )


def name_levels(apps, schema_editor):
    Budget = apps.get_model("budgets", "Budget")
    levels = {}
    for row in Budget.objects.order_by("depth").iterator():
        parent = levels.get(row.parent_id)
        if parent is None or (parent == "organisation" and row.team_id is None):
            level = "team" if row.team_id else "organisation"
        else:
            level = BELOW.get(parent, "agent")
        levels[row.pk] = level
        Budget.objects.filter(pk=row.pk).update(level=level)


class Migration(migrations.Migration):
    dependencies = [("budgets", "0002_never_overspent")]

    operations = [
        migrations.RunPython(keep_crossings, migrations.RunPython.noop),
        migrations.RunPython(name_levels, migrations.RunPython.noop),
    ]
