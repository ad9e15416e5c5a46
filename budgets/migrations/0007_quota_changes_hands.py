
import budgets.domain.units
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_market_scopes'),
        ('budgets', '0006_notices'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='budget',
            name='budget_parts_not_negative',
        ),
        migrations.RemoveConstraint(
            model_name='budget',
            name='budget_parts_within_limit',
        ),
        migrations.RemoveConstraint(
            model_name='budget',
            name='budget_percentages_in_range',
        ),
        migrations.RemoveConstraint(
            model_name='escrowlease',
            name='escrow_not_negative',
        ),
        migrations.RemoveConstraint(
            model_name='escrowlease',
            name='escrow_closed_is_empty',
        ),
        migrations.AddField(
            model_name='budget',
            name='model_class',
            field=models.CharField(blank=True, help_text='Pays for work of this model class only; empty: of any.', max_length=3),
        ),
        migrations.AddField(
            model_name='budget',
            name='sold',
            field=models.BigIntegerField(default=0, editable=False, help_text='Part of the base that was sold or lent away for this period.'),
        ),
        migrations.AddField(
            model_name='budget',
            name='tradeable_percent',
            field=models.PositiveSmallIntegerField(default=50, help_text='How much of its base may be sold or lent away in a period.'),
        ),
        migrations.AddField(
            model_name='escrowlease',
            name='free_energy_uwh',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='escrowlease',
            name='pending_energy_uwh',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='escrowlease',
            name='used_energy_uwh',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='historicalbudget',
            name='model_class',
            field=models.CharField(blank=True, help_text='Pays for work of this model class only; empty: of any.', max_length=3),
        ),
        migrations.AddField(
            model_name='historicalbudget',
            name='tradeable_percent',
            field=models.PositiveSmallIntegerField(default=50, help_text='How much of its base may be sold or lent away in a period.'),
        ),
        migrations.AddField(
            model_name='hold',
            name='energy_uwh',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='budget',
            name='unit',
            field=models.CharField(choices=[('tokens', 'tokens'), ('carbon_g', 'carbon_g'), ('micro_usd', 'micro_usd'), ('energy_wh', 'energy_wh')], max_length=9),
        ),
        migrations.AlterField(
            model_name='budgettemplate',
            name='unit',
            field=models.CharField(choices=[('tokens', 'tokens'), ('carbon_g', 'carbon_g'), ('micro_usd', 'micro_usd'), ('energy_wh', 'energy_wh')], default=budgets.domain.units.Unit['TOKENS'], max_length=9),
        ),
        migrations.AlterField(
            model_name='historicalbudget',
            name='unit',
            field=models.CharField(choices=[('tokens', 'tokens'), ('carbon_g', 'carbon_g'), ('micro_usd', 'micro_usd'), ('energy_wh', 'energy_wh')], max_length=9),
        ),
        migrations.AlterField(
            model_name='historicalbudgettemplate',
            name='unit',
            field=models.CharField(choices=[('tokens', 'tokens'), ('carbon_g', 'carbon_g'), ('micro_usd', 'micro_usd'), ('energy_wh', 'energy_wh')], default=budgets.domain.units.Unit['TOKENS'], max_length=9),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('bonus__gte', 0), ('carried__gte', 0), ('floor__gte', 0), ('pool_drawn__gte', 0), ('pooled__gte', 0), ('sold__gte', 0)), name='budget_parts_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('limit__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('carried'), '+', models.F('pooled')), '+', models.F('bonus')), '-', models.F('sold')))), name='budget_parts_within_limit'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('overflow_percent__lte', 1000), ('rollover_cap_percent__lte', 1000), ('rollover_percent__lte', 100), ('tradeable_percent__lte', 100)), name='budget_percentages_in_range'),
        ),
        migrations.AddConstraint(
            model_name='escrowlease',
            constraint=models.CheckConstraint(condition=models.Q(('free_carbon_ug__gte', 0), ('free_energy_uwh__gte', 0), ('free_micro_usd__gte', 0), ('free_tokens__gte', 0), ('pending_carbon_ug__gte', 0), ('pending_energy_uwh__gte', 0), ('pending_micro_usd__gte', 0), ('pending_tokens__gte', 0), ('used_carbon_ug__gte', 0), ('used_energy_uwh__gte', 0), ('used_micro_usd__gte', 0), ('used_tokens__gte', 0)), name='escrow_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='escrowlease',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'closed'), _negated=True), models.Q(('free_carbon_ug', 0), ('free_energy_uwh', 0), ('free_micro_usd', 0), ('free_tokens', 0), ('pending_carbon_ug', 0), ('pending_energy_uwh', 0), ('pending_micro_usd', 0), ('pending_tokens', 0), ('used_carbon_ug', 0), ('used_energy_uwh', 0), ('used_micro_usd', 0), ('used_tokens', 0)), _connector='OR'), name='escrow_closed_is_empty'),
        ),
    ]
