"""What the plan in force holds of budgets, in energy too. No budget counted energy before: none has less left."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_CEILING, Decimal

from django.db import migrations

MICROWATT_HOURS_PER_WH = 1_000_000
ROWS_AT_ONCE = 10_000


def hold_energy(apps, schema_editor):
    """Each planned row rounded up to whole steps, as `promised_amounts` does, and summed by budget."""
    run, placement, hold = (
        apps.get_model(app, model)
        for app, model in (("market", "AllocationRun"), ("market", "Placement"), ("budgets", "Hold"))
    )
    planned = placement.objects.filter(
        run__in=run.objects.filter(is_current=True), tokens__gt=0, request__status="queued"
    )
    energy = Counter()
    for budget_id, wh in planned.values_list("request__budget", "energy_wh").iterator(chunk_size=ROWS_AT_ONCE):
        steps = (Decimal(str(wh)) * MICROWATT_HOURS_PER_WH).to_integral_value(rounding=ROUND_CEILING)
        energy[budget_id] += int(steps)
    for budget_id, steps in energy.items():
        hold.objects.filter(reference=f"plan:{budget_id}", status="reserved").update(energy_uwh=steps)


class Migration(migrations.Migration):
    dependencies = [("budgets", "0008_place_hold"), ("market", "0005_quota_market")]

    operations = [migrations.RunPython(hold_energy, migrations.RunPython.noop)]
