from django.apps import AppConfig


class ServerConfig(AppConfig):
    """Running the deployment: serve, health, first run. Wiring, without models."""

    name = "config.server"
    label = "server"
    verbose_name = "Server"
