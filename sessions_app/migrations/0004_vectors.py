import django.db.models.deletion
from django.db import migrations, models

# The column of vectors exists only where PostgreSQL has the extension pgvector, or may make it: a role that may not
# still migrates. No model knows the column. services/memory/embedding.py adds it where the extension came later.
ADD_COLUMN = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS vector;
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE 'no vectors: %', SQLERRM;
        END;
    END IF;
    IF to_regtype('vector') IS NOT NULL THEN
        ALTER TABLE sessions_app_sessionvector ADD COLUMN IF NOT EXISTS vector vector;
    END IF;
END
$$
"""


class AddVectors(migrations.operations.base.Operation):
    """Nothing to undo: the table goes with its model, and the extension may be somebody else's."""

    reversible = True

    def state_forwards(self, app_label, state):
        """No model changes."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(ADD_COLUMN, params=None)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        """The column goes with its table."""


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0003_triage_progress"),
    ]

    operations = [
        migrations.CreateModel(
            name="SessionVector",
            fields=[
                (
                    "session",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="sessions_app.session",
                    ),
                ),
                ("model", models.CharField(max_length=120)),
                (
                    "status",
                    models.CharField(choices=[("waiting", "Waiting"), ("made", "Made"), ("none", "None")], max_length=7),
                ),
                ("problem", models.CharField(blank=True, help_text="Code of the refusal.", max_length=60)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("asked_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("made_at", models.DateTimeField(blank=True, null=True)),
                ("dimensions", models.PositiveIntegerField(blank=True, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "waiting")), fields=["due_at"], name="sessionvector_due"
                    )
                ],
            },
        ),
        AddVectors(),
    ]
