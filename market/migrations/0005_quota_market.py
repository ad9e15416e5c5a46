import django.db.models.deletion
import django.db.models.expressions
import simple_history.models
import uuid
from django.conf import settings
from django.db import migrations, models

# No serial number of a registry is in two blocks. On PostgreSQL an exclusion constraint over ranges of
# (registry, prefix, number): ranges of rows sort as their columns do, so two of them meet only where
# registry and prefix are the same and the numbers meet; no extension is needed, and no race passes it.
# On SQLite, which has one writer at a time, triggers say the same. A migration that alters this table
# on SQLite copies it and loses them: it has to do `GuardSerials` again.
GUARD_SERIALS = {
    'postgresql': [
        'CREATE TYPE market_serial AS (registry text, prefix text, number bigint)',
        'CREATE TYPE market_serials AS RANGE (subtype = market_serial)',
        'ALTER TABLE market_registryunit ADD CONSTRAINT registry_unit_no_overlap EXCLUDE USING gist (market_serials('
        ' ROW(registry, serial_prefix, serial_first)::market_serial,'
        " ROW(registry, serial_prefix, serial_last)::market_serial, '[]') WITH &&)",
    ],
    'sqlite': [
        f'CREATE TRIGGER registry_unit_no_overlap_{name} BEFORE {event} ON market_registryunit'
        ' WHEN EXISTS (SELECT 1 FROM market_registryunit AS other'
        ' WHERE other.registry = NEW.registry AND other.serial_prefix = NEW.serial_prefix AND other.id IS NOT NEW.id'
        ' AND other.serial_first <= NEW.serial_last AND other.serial_last >= NEW.serial_first)'
        " BEGIN SELECT RAISE(ABORT, 'registry_unit_no_overlap'); END"
        for name, event in (
            ('insert', 'INSERT'),
            ('update', 'UPDATE OF registry, serial_prefix, serial_first, serial_last'),
        )
    ],
}
UNGUARD_SERIALS = {
    'postgresql': [
        'ALTER TABLE market_registryunit DROP CONSTRAINT registry_unit_no_overlap',
        'DROP TYPE market_serials',
        'DROP TYPE market_serial',
    ],
    'sqlite': [f'DROP TRIGGER registry_unit_no_overlap_{name}' for name in ('insert', 'update')],
}


class GuardSerials(migrations.operations.base.Operation):
    """Not RunPython: that builds every model anew first, which takes seconds."""

    reversible = True

    def state_forwards(self, app_label, state):
        """No model changes."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        for statement in GUARD_SERIALS[schema_editor.connection.vendor]:
            schema_editor.execute(statement, params=None)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        for statement in UNGUARD_SERIALS[schema_editor.connection.vendor]:
            schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_market_scopes'),
        ('budgets', '0007_quota_changes_hands'),
        ('climate', '0003_outages_and_reach'),
        ('market', '0004_plans'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Account',
            fields=[
                ('name', models.SlugField(max_length=40, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('team', 'Team'), ('house', 'clearing house'), ('fund', 'Fund'), ('outside', 'Outside')], max_length=7)),
                ('balance_micro_usd', models.BigIntegerField(default=0)),
                ('reserved_micro_usd', models.BigIntegerField(default=0, help_text='In escrow for orders and loans.')),
                ('team', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.team')),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('reserved_micro_usd__gte', 0)), name='account_reserved_not_negative'), models.CheckConstraint(condition=models.Q(('kind__in', ['fund', 'outside']), ('balance_micro_usd__gte', models.F('reserved_micro_usd')), _connector='OR'), name='account_never_overdrawn'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'team'), ('team__isnull', False)), models.Q(models.Q(('kind', 'team'), _negated=True), ('team', None)), _connector='OR'), name='account_of_a_team')],
            },
        ),
        migrations.CreateModel(
            name='Donation',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('steps', models.BigIntegerField()),
                ('left_steps', models.BigIntegerField()),
                ('status', models.CharField(choices=[('open', 'Open'), ('drawn', 'Drawn'), ('withdrawn', 'Withdrawn'), ('expired', 'its period is over')], default='open', max_length=9)),
                ('at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(blank=True, help_text='Empty: quota without an end.', null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('actor', models.CharField(max_length=120)),
                ('budget', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.budget')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.team')),
            ],
            options={
                'ordering': ['at'],
                'constraints': [models.CheckConstraint(condition=models.Q(('left_steps__gte', 0), ('left_steps__lte', models.F('steps'))), name='donation_within')],
            },
        ),
        migrations.CreateModel(
            name='HistoricalStandingRule',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('kind', models.CharField(choices=[('sell_unused', 'sell what will not be used by an hour of the day'), ('buy_before_empty', 'buy when it is forecast to run out')], max_length=16)),
                ('by_hour_utc', models.PositiveSmallIntegerField(blank=True, help_text='Sell what is forecast to be left at this hour, 0 to 23 UTC.', null=True)),
                ('limit_nano_usd_per_unit', models.BigIntegerField(help_text='Worst price for one token, gram or Wh, in 1e-9 US$.')),
                ('most_steps_per_day', models.BigIntegerField(help_text="In steps of the budget's unit.")),
                ('most_micro_usd_per_day', models.BigIntegerField(blank=True, help_text='Of a buyer.', null=True)),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField()),
                ('created_by', models.CharField(max_length=120)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('budget', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='budgets.budget')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.team')),
            ],
            options={
                'verbose_name': 'historical standing rule',
                'verbose_name_plural': 'historical standing rules',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Instrument',
            fields=[
                ('code', models.SlugField(help_text='market.domain.trading.instruments.', max_length=60, primary_key=True, serialize=False)),
                ('unit', models.CharField(choices=[('tokens', 'tokens'), ('carbon_g', 'carbon_g'), ('energy_wh', 'energy_wh')], max_length=9)),
                ('model_class', models.CharField(blank=True, max_length=3)),
                ('period', models.CharField(choices=[('one_off', 'one_off'), ('hour', 'hour'), ('day', 'day'), ('week', 'week'), ('month', 'month'), ('rolling', 'rolling')], max_length=7)),
                ('period_starts_at', models.DateTimeField(blank=True, help_text='Empty: quota without an end.', null=True)),
                ('period_ends_at', models.DateTimeField(blank=True, null=True)),
                ('lot_units', models.PositiveIntegerField()),
                ('mechanism', models.CharField(default='auction', max_length=10)),
                ('next_call_at', models.DateTimeField(blank=True, help_text='Empty: nothing waits.', null=True)),
                ('last_price_ticks', models.PositiveBigIntegerField(blank=True, help_text='Of the last call that traded.', null=True)),
                ('last_traded_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['code'],
                'indexes': [models.Index(fields=['next_call_at'], name='instrument_due')],
            },
        ),
        migrations.CreateModel(
            name='Auction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('call', 'Call'), ('window', 'residual at the last price'), ('book', 'continuous book')], max_length=6)),
                ('status', models.CharField(choices=[('cleared', 'Cleared'), ('carried', 'too few teams on a side'), ('no_cross', 'no bid met an offer'), ('halted', 'Halted'), ('reversed', 'Reversed')], max_length=8)),
                ('closed_at', models.DateTimeField(help_text='The moment orders were taken from.')),
                ('ran_at', models.DateTimeField()),
                ('reference_ticks', models.PositiveBigIntegerField()),
                ('reference_basis', models.CharField(help_text='trades or service.', max_length=10)),
                ('low_ticks', models.PositiveBigIntegerField()),
                ('high_ticks', models.PositiveBigIntegerField()),
                ('price_ticks', models.PositiveBigIntegerField(blank=True, null=True)),
                ('volume_lots', models.PositiveBigIntegerField(default=0)),
                ('bid_lots', models.PositiveBigIntegerField(default=0)),
                ('ask_lots', models.PositiveBigIntegerField(default=0)),
                ('imbalance_lots', models.BigIntegerField(default=0, help_text='Wanted less offered at the price.')),
                ('bid_teams', models.PositiveIntegerField(default=0)),
                ('ask_teams', models.PositiveIntegerField(default=0)),
                ('factor_percent', models.PositiveSmallIntegerField(default=0)),
                ('paid_micro_usd', models.BigIntegerField(default=0)),
                ('received_micro_usd', models.BigIntegerField(default=0)),
                ('subsidy_micro_usd', models.BigIntegerField(default=0)),
                ('premium_micro_usd', models.BigIntegerField(default=0)),
                ('adder_micro_usd', models.BigIntegerField(default=0)),
                ('rounding_micro_usd', models.BigIntegerField(default=0)),
                ('explanation', models.TextField(blank=True)),
                ('reversed_at', models.DateTimeField(blank=True, null=True)),
                ('reversed_by', models.CharField(blank=True, max_length=120)),
                ('reverse_reason', models.CharField(blank=True, max_length=300)),
                ('policy', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='market.policy')),
                ('instrument', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='auctions', to='market.instrument')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['instrument', '-closed_at'], name='auction_of_instrument')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'call')), fields=('instrument', 'closed_at'), name='auction_one_call_at_a_time'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'cleared'), _negated=True), models.Q(('price_ticks__isnull', False), ('volume_lots__gte', 1)), _connector='OR'), name='auction_cleared_has_a_price')],
            },
        ),
        migrations.CreateModel(
            name='AuctionInputs',
            fields=[
                ('auction', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='inputs', serialize=False, to='market.auction')),
                ('body', models.BinaryField()),
                ('sha256', models.CharField(max_length=64)),
            ],
            options={
                'verbose_name_plural': 'auction inputs',
            },
        ),
        migrations.CreateModel(
            name='Journal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('deposit', 'Deposit'), ('payout', 'Payout'), ('escrow', 'put into or taken out of escrow'), ('trade', 'Trade'), ('loan', 'Loan'), ('charge', 'Charge'), ('reward', 'Reward'), ('reversal', 'Reversal')], max_length=8)),
                ('at', models.DateTimeField()),
                ('actor', models.CharField(max_length=120)),
                ('reason', models.CharField(max_length=300)),
                ('reference', models.CharField(blank=True, help_text='For example order:<id> or loan:<id>.', max_length=120)),
                ('auction', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='journals', to='market.auction')),
                ('reverses', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='market.journal')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['reference'], name='journal_reference')],
            },
        ),
        migrations.CreateModel(
            name='ConductFlag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='What it is about: the same is noticed once.', max_length=200, unique=True)),
                ('kind', models.CharField(choices=[('wash', 'bought from itself'), ('spoof', 'orders that were never meant to trade'), ('hoarding', 'long idle while others were refused')], max_length=8)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('evidence', models.JSONField(help_text='Figures and ids that show the pattern.')),
                ('status', models.CharField(choices=[('open', 'Open'), ('upheld', 'Upheld'), ('lifted', 'Lifted')], default='open', max_length=6)),
                ('charge_micro_usd', models.BigIntegerField(default=0)),
                ('noticed_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decided_by', models.CharField(blank=True, max_length=120)),
                ('decision_reason', models.CharField(blank=True, max_length=300)),
                ('budget', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.budget')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team')),
                ('instrument', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='market.instrument')),
                ('charge', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='market.journal')),
            ],
            options={
                'ordering': ['-noticed_at'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('status', 'open')), models.Q(models.Q(('status', 'open'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='flag_decided_has_a_time')],
            },
        ),
        migrations.CreateModel(
            name='Appeal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(max_length=2000)),
                ('at', models.DateTimeField()),
                ('actor', models.CharField(max_length=120)),
                ('status', models.CharField(choices=[('open', 'Open'), ('accepted', 'Accepted'), ('rejected', 'Rejected')], default='open', max_length=8)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decided_by', models.CharField(blank=True, max_length=120)),
                ('decision_reason', models.CharField(blank=True, max_length=300)),
                ('flag', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='appeals', to='market.conductflag')),
            ],
            options={
                'ordering': ['-at'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'open')), fields=('flag',), name='appeal_one_open_per_flag')],
            },
        ),
        migrations.CreateModel(
            name='Loan',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('status', models.CharField(choices=[('offered', 'Offered'), ('running', 'Running'), ('returned', 'Returned'), ('buying_in', 'defaulted, being bought in'), ('defaulted', 'settled from the collateral'), ('broken', 'ended by an emergency'), ('cancelled', 'Cancelled')], default='offered', max_length=9)),
                ('lots', models.PositiveBigIntegerField()),
                ('outstanding_lots', models.PositiveBigIntegerField(default=0)),
                ('fee_micro_usd', models.BigIntegerField(help_text='For all of it until the due date; less by early returns.')),
                ('fee_paid_micro_usd', models.BigIntegerField(default=0)),
                ('break_fee_percent', models.PositiveSmallIntegerField(help_text='Of the value broken off: what a lender pays.')),
                ('top_ticks', models.PositiveBigIntegerField(default=0, help_text='Top of the collar when it was lent.')),
                ('collateral_micro_usd', models.BigIntegerField(default=0)),
                ('due_at', models.DateTimeField()),
                ('offered_at', models.DateTimeField()),
                ('lent_at', models.DateTimeField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('actor', models.CharField(max_length=120)),
                ('borrower_budget', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.budget')),
                ('borrower_team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.team')),
                ('instrument', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='loans', to='market.instrument')),
                ('lender_budget', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.budget')),
                ('lender_team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.team')),
            ],
            options={
                'ordering': ['-offered_at'],
                'indexes': [models.Index(condition=models.Q(('status', 'running')), fields=['due_at'], name='loan_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(('lots__gte', 1)), name='loan_has_lots'), models.CheckConstraint(condition=models.Q(('outstanding_lots__lte', models.F('lots'))), name='loan_not_more_than_lent'), models.CheckConstraint(condition=models.Q(('collateral_micro_usd__gte', 0), ('fee_micro_usd__gte', 0), ('fee_paid_micro_usd__gte', 0)), name='loan_money_not_negative'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('status__in', ['offered', 'running', 'buying_in'])), models.Q(models.Q(('status__in', ['offered', 'running', 'buying_in']), _negated=True), ('closed_at__isnull', False), ('collateral_micro_usd', 0), ('outstanding_lots', 0)), _connector='OR'), name='loan_closed_owes_nothing')],
            },
        ),
        migrations.CreateModel(
            name='LoanEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('offered', 'Offered'), ('lent', 'Lent'), ('returned', 'Returned'), ('defaulted', 'Defaulted'), ('bought_in', 'Bought In'), ('paid_out', 'paid in money'), ('broken', 'Broken'), ('cancelled', 'Cancelled')], max_length=9)),
                ('lots', models.BigIntegerField(default=0)),
                ('micro_usd', models.BigIntegerField(default=0)),
                ('at', models.DateTimeField()),
                ('actor', models.CharField(max_length=120)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('loan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='market.loan')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Posting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('delta_micro_usd', models.BigIntegerField(default=0)),
                ('reserved_delta_micro_usd', models.BigIntegerField(default=0)),
                ('order_number', models.BigIntegerField(blank=True, null=True)),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='postings', to='market.account')),
                ('journal', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='postings', to='market.journal')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['account', '-id'], name='posting_of_account')],
            },
        ),
        migrations.CreateModel(
            name='QuotaPromise',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('period_starts_at', models.DateTimeField()),
                ('promised_steps', models.BigIntegerField(default=0)),
                ('most_steps', models.BigIntegerField()),
                ('budget', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.budget')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('budget', 'period_starts_at'), name='quota_promise_unique'), models.CheckConstraint(condition=models.Q(('promised_steps__gte', 0)), name='quota_promise_not_negative'), models.CheckConstraint(condition=models.Q(('most_steps__gte', models.F('promised_steps'))), name='quota_promise_within_bounds')],
            },
        ),
        migrations.CreateModel(
            name='RegistryUnit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('registry', models.CharField(max_length=60)),
                ('serial_prefix', models.CharField(blank=True, help_text='What stands before the numbers.', max_length=120)),
                ('serial_first', models.BigIntegerField()),
                ('serial_last', models.BigIntegerField()),
                ('project_id', models.CharField(blank=True, max_length=60)),
                ('project_name', models.CharField(blank=True, max_length=200)),
                ('vintage', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('methodology', models.CharField(blank=True, max_length=120)),
                ('verification_body', models.CharField(blank=True, max_length=200)),
                ('retirement_beneficiary', models.CharField(blank=True, max_length=200)),
                ('retirement_reason', models.CharField(blank=True, max_length=300)),
                ('retired_on', models.DateField(blank=True, null=True)),
                ('used_g', models.BigIntegerField(default=0, help_text='Grams that offers have used or keep.')),
                ('imported_at', models.DateTimeField()),
                ('imported_by', models.CharField(max_length=120)),
                ('team', models.ForeignKey(help_text='Who may use it.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.team')),
            ],
            options={
                'ordering': ['registry', 'serial_prefix', 'serial_first'],
                'constraints': [models.CheckConstraint(condition=models.Q(('serial_first__gte', 0), ('serial_last__gte', models.F('serial_first'))), name='registry_unit_serials'), models.CheckConstraint(condition=models.Q(('used_g__gte', 0), ('used_g__lte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('serial_last'), '-', models.F('serial_first')), '+', models.Value(1)), '*', models.Value(1000000)))), name='registry_unit_not_used_twice'), models.UniqueConstraint(fields=('registry', 'serial_prefix', 'serial_first'), name='registry_unit_unique')],
            },
        ),
        migrations.CreateModel(
            name='ReputationScore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('score', models.FloatField(blank=True, help_text='0..1; empty: nothing is known.', null=True)),
                ('parts', models.JSONField(help_text='Each component with its value, weight and count.')),
                ('made_at', models.DateTimeField()),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team')),
            ],
            options={
                'ordering': ['-day'],
                'constraints': [models.UniqueConstraint(fields=('team', 'day'), name='reputation_once_a_day')],
            },
        ),
        migrations.CreateModel(
            name='ShareAccount',
            fields=[
                ('budget', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='budgets.budget')),
                ('credit_steps', models.BigIntegerField(default=0)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.team')),
            ],
        ),
        migrations.CreateModel(
            name='ShareDraw',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('steps', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('actor', models.CharField(max_length=120)),
                ('budget', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.budget')),
                ('donation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='draws', to='market.donation')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='StandingRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('sell_unused', 'sell what will not be used by an hour of the day'), ('buy_before_empty', 'buy when it is forecast to run out')], max_length=16)),
                ('by_hour_utc', models.PositiveSmallIntegerField(blank=True, help_text='Sell what is forecast to be left at this hour, 0 to 23 UTC.', null=True)),
                ('limit_nano_usd_per_unit', models.BigIntegerField(help_text='Worst price for one token, gram or Wh, in 1e-9 US$.')),
                ('most_steps_per_day', models.BigIntegerField(help_text="In steps of the budget's unit.")),
                ('most_micro_usd_per_day', models.BigIntegerField(blank=True, help_text='Of a buyer.', null=True)),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField()),
                ('created_by', models.CharField(max_length=120)),
                ('last_run_at', models.DateTimeField(blank=True, null=True)),
                ('last_outcome', models.CharField(blank=True, max_length=300)),
                ('budget', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.budget')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.team')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('limit_nano_usd_per_unit__gte', 1), ('most_steps_per_day__gte', 1)), name='rule_has_limits'), models.CheckConstraint(condition=models.Q(models.Q(('by_hour_utc__gte', 0), ('by_hour_utc__lte', 23), ('kind', 'sell_unused')), models.Q(('kind', 'buy_before_empty'), ('most_micro_usd_per_day__gte', 1)), _connector='OR'), name='rule_says_when')],
            },
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('number', models.BigAutoField(help_text='The sequence: who comes first among equals.', primary_key=True, serialize=False)),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('side', models.CharField(choices=[('buy', 'Buy'), ('sell', 'Sell')], max_length=4)),
                ('kind', models.CharField(choices=[('limit', 'Limit'), ('market', 'Market'), ('fill_or_kill', 'Fill Or Kill')], default='limit', max_length=12)),
                ('source', models.CharField(choices=[('team', 'asked for by a team'), ('rule', 'a standing rule'), ('buy_in', 'the clearing house, for a default')], default='team', max_length=6)),
                ('status', models.CharField(choices=[('open', 'Open'), ('filled', 'Filled'), ('cancelled', 'Cancelled'), ('expired', 'Expired')], default='open', max_length=9)),
                ('lots', models.PositiveBigIntegerField()),
                ('filled_lots', models.PositiveBigIntegerField(default=0)),
                ('limit_ticks', models.PositiveBigIntegerField(blank=True, null=True)),
                ('escrow_micro_usd', models.BigIntegerField(default=0, help_text='Of a buyer, still reserved.')),
                ('origin_code', models.CharField(blank=True, help_text='Of a buyer: where the organisation is registered.', max_length=2)),
                ('need_score', models.FloatField(blank=True, null=True)),
                ('justice_ppm', models.IntegerField(default=0)),
                ('weight_ppm', models.PositiveBigIntegerField(default=1000000, help_text='Share at the marginal price.')),
                ('region_basis', models.CharField(blank=True, help_text='history, declared or unknown.', max_length=10)),
                ('cfe_share', models.FloatField(blank=True, null=True)),
                ('intensity_g_per_kwh', models.FloatField(blank=True, null=True)),
                ('intensity_basis', models.CharField(blank=True, max_length=20)),
                ('adder_ticks', models.PositiveBigIntegerField(default=0)),
                ('covered_g', models.BigIntegerField(default=0, help_text='Covered by retired registry units, grams.')),
                ('good_until', models.DateTimeField()),
                ('placed_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('close_reason', models.CharField(blank=True, max_length=300)),
                ('actor', models.CharField(max_length=120)),
                ('budget', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.budget')),
                ('instrument', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='market.instrument')),
                ('region', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='climate.region')),
                ('team', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.team')),
                ('rule', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='market.standingrule')),
            ],
            options={
                'ordering': ['-number'],
                'indexes': [models.Index(condition=models.Q(('status', 'open')), fields=['instrument', 'side', 'number'], name='order_open'), models.Index(condition=models.Q(('status', 'open')), fields=['good_until'], name='order_ends'), models.Index(fields=['team', '-number'], name='order_of_team'), models.Index(fields=['budget', '-number'], name='order_of_budget')],
                'constraints': [models.CheckConstraint(condition=models.Q(('lots__gte', 1)), name='order_has_lots'), models.CheckConstraint(condition=models.Q(('filled_lots__lte', models.F('lots'))), name='order_not_overfilled'), models.CheckConstraint(condition=models.Q(('escrow_micro_usd__gte', 0)), name='order_escrow_not_negative'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('status', 'open')), models.Q(models.Q(('status', 'open'), _negated=True), ('closed_at__isnull', False), ('escrow_micro_usd', 0)), _connector='OR'), name='order_closed_holds_nothing'), models.CheckConstraint(condition=models.Q(('kind', 'market'), ('limit_ticks__gte', 1), _connector='OR'), name='order_has_a_limit')],
            },
        ),
        migrations.CreateModel(
            name='OrderEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('placed', 'Placed'), ('improved', 'Improved'), ('filled', 'Filled'), ('cancelled', 'Cancelled'), ('expired', 'Expired'), ('carried', 'Carried')], max_length=9)),
                ('lots', models.BigIntegerField(help_text='Placed, added, filled or taken back.')),
                ('limit_ticks', models.PositiveBigIntegerField(blank=True, null=True)),
                ('at', models.DateTimeField()),
                ('actor', models.CharField(max_length=120)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('order', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='market.order')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='RegistryUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kept_g', models.BigIntegerField(help_text='For lots that are still open.')),
                ('used_g', models.BigIntegerField(default=0, help_text='For lots that were sold.')),
                ('at', models.DateTimeField()),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='registry_uses', to='market.order')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='market.registryunit')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('unit', 'order'), name='registry_use_unique'), models.CheckConstraint(condition=models.Q(('kept_g__gte', 0), ('used_g__gte', 0)), name='registry_use_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Trade',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('side', models.CharField(choices=[('buy', 'Buy'), ('sell', 'Sell')], max_length=4)),
                ('lots', models.PositiveBigIntegerField()),
                ('price_ticks', models.PositiveBigIntegerField()),
                ('gross_micro_usd', models.BigIntegerField()),
                ('justice_micro_usd', models.BigIntegerField(default=0)),
                ('adder_micro_usd', models.BigIntegerField(default=0)),
                ('money_micro_usd', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('is_reversed', models.BooleanField(default=False)),
                ('auction', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='trades', to='market.auction')),
                ('budget', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.budget')),
                ('instrument', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='market.instrument')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='trades', to='market.order')),
                ('team', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.team')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['team', '-id'], name='trade_of_team'), models.Index(fields=['instrument', '-at'], name='trade_of_instrument')],
                'constraints': [models.UniqueConstraint(fields=('auction', 'order'), name='trade_once_per_order'), models.CheckConstraint(condition=models.Q(('lots__gte', 1)), name='trade_has_lots'), models.CheckConstraint(condition=models.Q(('money_micro_usd__gte', 0)), name='trade_money_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='ForwardLeg',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('side', models.CharField(choices=[('gives', 'Gives'), ('takes', 'Takes')], max_length=5)),
                ('status', models.CharField(choices=[('due', 'Due'), ('buying_in', 'Buying In'), ('delivered', 'Delivered'), ('paid_out', 'partly or wholly paid in money'), ('reversed', 'Reversed')], default='due', max_length=9)),
                ('lots', models.PositiveBigIntegerField()),
                ('delivered_lots', models.PositiveBigIntegerField(default=0)),
                ('paid_out_lots', models.PositiveBigIntegerField(default=0)),
                ('collateral_micro_usd', models.BigIntegerField(default=0)),
                ('due_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('budget', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.budget')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.team')),
                ('instrument', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='forwards', to='market.instrument')),
                ('trade', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='forward', to='market.trade')),
            ],
            options={
                'ordering': ['due_at', 'id'],
                'indexes': [models.Index(condition=models.Q(('closed_at', None)), fields=['due_at'], name='forward_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(('lots__gte', django.db.models.expressions.CombinedExpression(models.F('delivered_lots'), '+', models.F('paid_out_lots')))), name='forward_not_overdelivered'), models.CheckConstraint(condition=models.Q(('collateral_micro_usd__gte', 0)), name='forward_collateral_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='TradingHalt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('volatility', 'price moved too far'), ('admin', 'halted by an administrator')], max_length=10)),
                ('starts_at', models.DateTimeField()),
                ('until', models.DateTimeField(blank=True, help_text='Empty: until somebody resumes.', null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('reason', models.CharField(max_length=300)),
                ('actor', models.CharField(max_length=120)),
                ('ended_by', models.CharField(blank=True, max_length=120)),
                ('instrument', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='halts', to='market.instrument')),
            ],
            options={
                'ordering': ['-starts_at'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('instrument',), name='halt_one_open_per_instrument'), models.UniqueConstraint(condition=models.Q(('ended_at', None), ('instrument', None)), fields=('kind',), name='halt_one_open_of_all')],
            },
        ),
        migrations.CreateModel(
            name='BuyIn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lots', models.PositiveBigIntegerField()),
                ('bought_lots', models.PositiveBigIntegerField(default=0)),
                ('paid_out_lots', models.PositiveBigIntegerField(default=0)),
                ('top_ticks', models.PositiveBigIntegerField(help_text='What a lot that cannot be bought is paid at.')),
                ('calls', models.PositiveSmallIntegerField(default=0, help_text='Calls in which it could not all be bought.')),
                ('opened_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('gives', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='buy_ins_for_it', to='market.forwardleg')),
                ('loan', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='buy_in', to='market.loan')),
                ('order', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='buy_in', to='market.order')),
                ('takes', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='buy_ins_to_it', to='market.forwardleg')),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(condition=models.Q(('closed_at', None)), fields=['id'], name='buy_in_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('gives', None), ('loan__isnull', False), ('takes', None)), models.Q(('gives__isnull', False), ('loan', None), ('takes__isnull', False)), _connector='OR'), name='buy_in_for_a_loan_or_a_forward'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('lots__gte', django.db.models.expressions.CombinedExpression(models.F('bought_lots'), '+', models.F('paid_out_lots')))), models.Q(('closed_at__isnull', False), ('lots', django.db.models.expressions.CombinedExpression(models.F('bought_lots'), '+', models.F('paid_out_lots')))), _connector='OR'), name='buy_in_closed_owes_nothing')],
            },
        ),
        migrations.CreateModel(
            name='HistoricalRegistryUnit',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('registry', models.CharField(max_length=60)),
                ('serial_prefix', models.CharField(blank=True, help_text='What stands before the numbers.', max_length=120)),
                ('serial_first', models.BigIntegerField()),
                ('serial_last', models.BigIntegerField()),
                ('project_id', models.CharField(blank=True, max_length=60)),
                ('project_name', models.CharField(blank=True, max_length=200)),
                ('vintage', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('methodology', models.CharField(blank=True, max_length=120)),
                ('verification_body', models.CharField(blank=True, max_length=200)),
                ('retirement_beneficiary', models.CharField(blank=True, max_length=200)),
                ('retirement_reason', models.CharField(blank=True, max_length=300)),
                ('retired_on', models.DateField(blank=True, null=True)),
                ('imported_at', models.DateTimeField()),
                ('imported_by', models.CharField(max_length=120)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(blank=True, db_constraint=False, help_text='Who may use it.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.team')),
            ],
            options={
                'verbose_name': 'historical registry unit',
                'verbose_name_plural': 'historical registry units',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.AddField(
            model_name='settlement',
            name='energy_wh',
            field=models.FloatField(help_text='At the meter; unknown of settlements of before it was kept.', null=True),
        ),
        migrations.AlterField(
            model_name='fundentry',
            name='kind',
            field=models.CharField(choices=[('deposit', 'Deposit'), ('reserve', 'Reserve'), ('release', 'Release'), ('discount', 'Discount'), ('premium', 'Premium'), ('subsidy', 'paid to buyers in the market'), ('market_premium', 'from buyers in the market'), ('adder', 'carbon adder of sellers'), ('rounding', 'rounding of trades'), ('charge', 'charge for conduct'), ('reward', 'reward for conduct'), ('reversal', 'a trade taken back')], max_length=14),
        ),
        migrations.AddField(
            model_name='fundentry',
            name='journal',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='fund_entries', to='market.journal'),
        ),
        GuardSerials(),
    ]
