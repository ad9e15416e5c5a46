from django.apps import AppConfig


class MarketConfig(AppConfig):
    name = "market"
    verbose_name = "Policies and decisions"
    default_auto_field = "django.db.models.BigAutoField"
