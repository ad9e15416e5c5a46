"""The page of estimates."""

from __future__ import annotations

from datetime import UTC, datetime

from budgets.models import (
    EstimateGroup,
)
from tests.integration.dashboard.test_pages import text_of


class TestEstimates:
    def group(self, **changes):
        values = {
            "mode": "express",
            "role_count": 1,
            "complexity_band": "medium",
            "model_class": "L",
            "purpose": "climate_adaptation",
            "p50_tokens": 900.0,
            "p95_tokens": 1800.0,
            "outcome_count": 50,
            "within_target_count": 45,
            "covered_count": 48,
            "updated_at": datetime.now(UTC),
        }
        return EstimateGroup.objects.create(**{**values, **changes})

    def test_a_group_is_shown_against_the_target_with_what_it_rests_on(self, world, client):
        self.group()
        words = text_of(client.get("/estimates/"))
        assert "class L, medium complexity, climate adaptation" in words
        assert "90 %" in words
        assert "on target" in words
        assert "learned from 50" in words
        assert "900" in words

    def test_a_group_below_the_target_and_one_that_is_too_young_are_called_so(self, world, client):
        self.group(within_target_count=30)
        self.group(purpose="disaster_response", outcome_count=5, within_target_count=5, covered_count=5)
        words = text_of(client.get("/estimates/"))
        assert "below target" in words
        assert "too early to say" in words
        assert "cold start: 5 of 20 outcomes" in words

    def test_without_any_outcome_it_shows_the_figures_of_a_cold_start_and_claims_no_accuracy(self, world, client):
        words = text_of(client.get("/estimates/"))
        assert "Nothing is learned yet." in words
        assert "Within 30 % –" in words
        assert "Express, 1 role 800 1,300" in words
