from django.apps import AppConfig


class ClimateConfig(AppConfig):
    name = "climate"
    verbose_name = "Grids and regions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from climate import subscribers

        subscribers.connect()
