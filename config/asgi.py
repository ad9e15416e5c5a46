"""Sockets through Channels; pages and API as WSGI threads inside the same process.

Synchronous views under plain ASGI cost several times the CPU, so HTTP goes through a2wsgi. The gateway
of models (`/v1`) and plain reservations are answered before that, on the event loop and in batches.
"""

import gc
import os
import sys
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
from sessions_app.api.gateway.door import Gateway  # noqa: E402

HTTP_THREADS = 16
NEW_OBJECTS = 10_000
"""So many more containers than were freed make the collector look for cycles; Python's 700 are one call in eight."""
# The loop gives the interpreter up for a moment at every call; a thread that commits keeps it for 5 ms by default.
sys.setswitchinterval(0.001)
# What was imported stays: the collector needs not look through it, which stops all threads for as long as it takes.
gc.freeze()
gc.set_threshold(NEW_OBJECTS)

ordinary = cast(Application, WSGIMiddleware(cast(WSGIApp, wsgi_application), workers=HTTP_THREADS))
rate = PerKeyThrottle()
below = WholeBodies(QuickReserve(ordinary, may_pass=rate.allow_caller, take_back=rate.take_back))
application = ProtocolTypeRouter(
    {
        "http": Gateway(below, is_within_rate=rate.allow_caller),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
