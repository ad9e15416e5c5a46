"""How much of what was used is input, and how much of that came from a cache: unknown of all settlements so far."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("market", "0006_plans_hold_energy")]

    operations = [
        migrations.AddField(
            model_name="settlement",
            name="input_tokens",
            field=models.PositiveBigIntegerField(
                help_text="How many of them were input, where that was reported.", null=True
            ),
        ),
        migrations.AddField(
            model_name="settlement",
            name="cached_tokens",
            field=models.PositiveBigIntegerField(
                help_text="How much of the input was read from a cache, where that was reported.", null=True
            ),
        ),
    ]
