"""Session policies through the administration: what versions of before do not have can be set too."""

from __future__ import annotations

import pytest
from django.urls import reverse

from sessions_app.admin.policy_form import VersionForm
from sessions_app.models import SessionPolicy
from tests.integration.world import load_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy(db):
    load_world()
    policy = SessionPolicy.objects.get(name="default")
    del policy.body["similar"]
    SessionPolicy.objects.update(body=policy.body)  # as one that was made before there was the term
    return policy


def _post(root, policy, **changes):
    start = VersionForm(start=policy.body).initial
    form = {name: str(value) for name, value in start.items()} | {"rationale": "why"} | changes
    return root.post(reverse("admin:sessions_app_sessionpolicy_new_version", args=[policy.pk]), form, follow=True)


def test_a_version_of_before_gets_the_embedding_model_that_the_form_names(root, policy):
    page = _post(root, policy, **{"similar.embedding_model": "echo-embedding", "similar.least_cosine_percent": "30"})
    assert "A new version of default was created" in page.content.decode()
    made = SessionPolicy.objects.get(name="default", version=2)
    assert made.body["similar"] == {"embedding_model": "echo-embedding", "least_cosine_percent": 30}


def test_a_model_that_the_gateway_has_not_got_is_refused_beside_its_field(root, policy):
    page = _post(root, policy, **{"similar.embedding_model": "no-such-model"})
    assert list(page.context["form"].errors) == ["similar.embedding_model"]
    assert SessionPolicy.objects.count() == 1
