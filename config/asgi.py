"""Sockets through Channels; pages and API as WSGI threads inside the same process.

Synchronous views under plain ASGI cost several times the CPU, so HTTP goes through a2wsgi.
"""

import os
from typing import cast

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi_typing import WSGIApp
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.server.bodies import Application, WholeBodies
from config.wsgi import application as wsgi_application
from dashboard.routing import websocket_urlpatterns

HTTP_THREADS = 16

application = ProtocolTypeRouter(
    {
        "http": WholeBodies(cast(Application, WSGIMiddleware(cast(WSGIApp, wsgi_application), workers=HTTP_THREADS))),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
