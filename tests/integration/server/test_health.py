"""What /healthz, /readyz and /metrics say, and to whom."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from budgets import services
from budgets.domain.units import Amounts
from budgets.models import BudgetAlert
from config.server import health
from tests.integration.world import make_budget, make_team

pytestmark = pytest.mark.django_db
ELSEWHERE = "an-address-that-is-not-allowed"


@pytest.fixture
def alive(monkeypatch, settings, tmp_path):
    """A deployment with nothing wrong: its worker runs, and a source has answered just now."""
    settings.SPOOL_DIR, settings.EMERGENCY_DIR = tmp_path / "spool", tmp_path / "emergency"
    parts = [SimpleNamespace(name=name, is_running=True, restarts=0) for name in ("worker", "scheduler")]
    monkeypatch.setattr(health, "find_background", lambda: SimpleNamespace(parts=parts))
    source = SimpleNamespace(name="energy-charts", is_asked=True, last_success_at=timezone.now())
    monkeypatch.setattr(health, "list_sources", lambda now: [source])
    return SimpleNamespace(parts=parts, source=source)


def _ready() -> tuple[int, dict]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()


def test_a_process_that_answers_is_healthy():
    assert Client().get("/healthz").json() == {"status": "ok"}


def test_every_part_is_reported(alive):
    status, report = _ready()

    assert (status, report["status"]) == (200, "ok")
    assert {name: check["status"] for name, check in report["checks"].items()} == {
        "database": "ok",
        "broker": "ok",
        "channel_layer": "ok",
        "climate_data": "ok",
        "alerts": "ok",
        "checkpoint_spool": "ok",
    }


def test_a_database_that_does_not_answer_makes_it_not_ready(alive, monkeypatch):
    def refuse(_now):
        raise OperationalError("could not connect to postgres://user:hunter2@db/name")

    monkeypatch.setitem(health.CHECKS, "database", (refuse, health.State.FAILED))
    status, report = _ready()

    assert (status, report["status"]) == (503, "failed")
    assert report["checks"]["database"]["detail"] == "does not answer (OperationalError)"
    assert report["checks"]["broker"]["status"] == "ok"


@pytest.mark.sqlite
def test_a_dead_worker_makes_it_not_ready(alive):
    alive.parts[0].is_running = False
    alive.parts[0].restarts = 3

    status, report = _ready()

    assert status == 503
    assert report["checks"]["broker"] == {
        "status": "failed",
        "detail": "not running: worker; restarted 3 times",
        "took_ms": report["checks"]["broker"]["took_ms"],
    }


@pytest.mark.sqlite
def test_a_process_without_worker_and_broker_is_not_ready(alive, monkeypatch):
    monkeypatch.setattr(health, "find_background", lambda: None)

    assert _ready()[0] == 503


@pytest.mark.redis
def test_a_broker_that_is_gone_makes_it_not_ready(alive, settings):
    settings.ENVIRONMENT = SimpleNamespace(redis_url="redis://127.0.0.1:9/0", is_production=False)

    status, report = _ready()

    assert status == 503
    assert report["checks"]["broker"]["detail"] == "does not answer (ConnectionError)"


def test_old_climate_data_is_reported_and_does_not_stop_the_work(alive):
    alive.source.last_success_at = timezone.now() - timedelta(hours=5)

    status, report = _ready()

    assert (status, report["status"]) == (200, "degraded")
    assert report["checks"]["climate_data"]["detail"] == "newest answer of a source 300 minutes ago"


@pytest.mark.parametrize("what", [{"is_asked": False}, {"name": "gdacs"}])
def test_a_source_that_is_not_asked_or_gives_no_readings_does_not_count(alive, what):
    vars(alive.source).update(what)

    assert _ready()[1]["checks"]["climate_data"]["status"] == "degraded"


def test_sources_that_never_answered_are_reported(alive):
    alive.source.last_success_at = None

    assert _ready()[1]["checks"]["climate_data"]["status"] == "degraded"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_an_orchestrator_may_ask_by_address_and_without_tls(alive, settings, path):
    settings.SECURE_SSL_REDIRECT = True

    assert Client(headers={"host": ELSEWHERE}).get(path).status_code == 200
    assert Client(headers={"host": ELSEWHERE}).get("/", secure=True).status_code == 400
    assert Client().get("/").status_code == 301


def test_alerts_that_nobody_sends_degrade_it(alive):
    team = make_team()
    now = timezone.now()
    services.place_hold(
        budget_id=make_budget(team, 100, now=now),
        amounts=Amounts(tokens=80, carbon_ug=0, micro_usd=0),
        reference="work:1",
        lease_expires_at=now + timedelta(hours=1),
        actor="test",
        now=now,
    )
    fresh = _ready()[1]["checks"]["alerts"]
    BudgetAlert.objects.update(at=now - timedelta(minutes=6))
    status, report = _ready()

    assert (fresh["status"], fresh["detail"][:22]) == ("ok", "1 waiting, 0 failed; o")
    assert (status, report["status"]) == (200, "degraded")
    assert "nobody sends what is due" in report["checks"]["alerts"]["detail"]


def test_metrics_are_prometheus_text_locally():
    answer = Client().get("/metrics")

    assert answer.status_code == 200
    assert b"# TYPE django_http_requests" in answer.content


def test_metrics_want_their_token_where_one_is_set(settings):
    settings.METRICS_TOKEN = "t0ken"

    assert Client().get("/metrics").status_code == 401
    assert Client(headers={"authorization": "Bearer wrong"}).get("/metrics").status_code == 401
    assert Client(headers={"authorization": "Bearer t0ken"}).get("/metrics").status_code == 200


def test_metrics_of_production_are_closed_without_a_token(settings):
    settings.ENVIRONMENT = SimpleNamespace(is_production=True, redis_url="")

    refused = Client().get("/metrics")

    assert refused.status_code == 401
    assert b"django_http" not in refused.content
