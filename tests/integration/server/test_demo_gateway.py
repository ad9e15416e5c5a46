"""What `manage.py demo_gateway` shows."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.cache import cache
from django.core.management import call_command

from market.models import Decision
from sessions_app.models import GatewayCall
from sessions_app.services.gateway import registry


@pytest.mark.django_db(transaction=True)
def test_the_demonstration_answers_three_calls_and_refuses_one_that_a_budget_cannot_pay():
    cache.clear()
    registry.forget()
    told = StringIO()
    call_command("demo_gateway", stdout=told)
    calls = GatewayCall.objects.exclude(status="refused")
    assert {call.status for call in calls} == {"answered"}
    assert calls.count() == Decision.objects.exclude(verdict="denied").count() == 3
    assert "echo-stockholm" in told.getvalue()
    assert "has 10 of 10 tokens left" in told.getvalue()
