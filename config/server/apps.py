from django.apps import AppConfig


class ServerConfig(AppConfig):
    """Running the deployment: serve, health, first run. Wiring, without models."""

    name = "config.server"
    label = "server"
    verbose_name = "Server"

    def ready(self) -> None:
        """Teach the OpenAPI document how callers authenticate."""
        import config.api.schema  # noqa: F401 (registers by being imported; needs the apps loaded)
