"""`/v1/...` in a process that serves WSGI only: the gateway lives on an event loop, which this process has not."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from config.kernel.errors import Unavailable
from sessions_app.api.gateway.answers import dumped
from sessions_app.api.gateway.errors import envelope_of

WORDS = "The gateway is not served by this process: send /v1 to one that serves config.asgi:application."


@csrf_exempt
def served_elsewhere(_request: HttpRequest) -> HttpResponse:
    """503 in OpenAI's envelope."""
    refusal = Unavailable(WORDS, code="gateway_elsewhere", retry_after_seconds=30)
    status, headers, body = envelope_of(refusal)
    return HttpResponse(dumped(body), status=status, content_type="application/json", headers=dict(headers))
