"""Keys that read budgets read the market too; keys that may change budgets may trade what is in them."""

from django.db import migrations

GIVES = {"budgets:read": "market:read", "budgets:write": "market:trade"}


def name_them(apps, schema_editor):
    for key in apps.get_model("accounts", "ApiKey").objects.iterator():
        added = [new for old, new in GIVES.items() if old in key.scopes and new not in key.scopes]
        if added:
            key.scopes = [*key.scopes, *added]
            key.save(update_fields=["scopes"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_spending_scope")]

    operations = [migrations.RunPython(name_them, migrations.RunPython.noop)]
