"""Keys that may change budgets could always spend from them: they keep that power under its own name."""

from django.db import migrations


def name_it(apps, schema_editor):
    for key in apps.get_model("accounts", "ApiKey").objects.iterator():
        if "budgets:write" in key.scopes and "budgets:spend" not in key.scopes:
            key.scopes = [*key.scopes, "budgets:spend"]
            key.save(update_fields=["scopes"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_platform_scopes")]

    operations = [migrations.RunPython(name_it, migrations.RunPython.noop)]
