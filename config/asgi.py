"""Sockets through Channels; pages and API as WSGI threads inside the same process.

Synchronous views under plain ASGI cost several times the CPU, so HTTP goes through a2wsgi. Plain
reservations are answered before that, on the event loop and in batches.
"""

import os
from typing import cast

import django
from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi_typing import WSGIApp
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()  # before anything that has models

from accounts.api.throttling import PerKeyThrottle  # noqa: E402
from budgets.api.quick import QuickReserve  # noqa: E402
from config.server.bodies import Application, WholeBodies  # noqa: E402
from config.wsgi import application as wsgi_application  # noqa: E402
from dashboard.routing import websocket_urlpatterns  # noqa: E402

HTTP_THREADS = 16

ordinary = cast(Application, WSGIMiddleware(cast(WSGIApp, wsgi_application), workers=HTTP_THREADS))
rate = PerKeyThrottle()
application = ProtocolTypeRouter(
    {
        "http": WholeBodies(QuickReserve(ordinary, may_pass=rate.allow_caller, take_back=rate.take_back)),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
