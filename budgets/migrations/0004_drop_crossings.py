from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("budgets", "0003_keep_crossings")]

    operations = [migrations.DeleteModel("ThresholdCrossing")]
