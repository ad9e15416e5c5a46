from django.apps import AppConfig


class BudgetsConfig(AppConfig):
    name = "budgets"
    verbose_name = "Budgets"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import budgets.checks  # noqa: F401 (registers by being imported)
        from budgets import subscribers

        subscribers.connect()
