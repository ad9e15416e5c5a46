"""Outages and latencies through the administration."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts.models import User
from climate.models import LatencyFigure, RegionOutage
from climate.selectors import list_outages, list_reach_km
from tests.integration.world import load_world

pytestmark = pytest.mark.django_db
LIST = "/admin/climate/regionoutage/"
FORM = {"region": "aws-eu-north-1", "kind": "outage", "capacity_share": "0.5", "reason": "Fire drill of the site."}


@pytest.fixture(autouse=True)
def world(db):
    load_world()


def test_an_outage_is_entered_and_ended_with_a_reason(root):
    page = root.post(f"{LIST}add/", FORM, follow=True)
    assert "counts from its start" in page.content.decode()
    outage = RegionOutage.objects.get()
    assert (outage.author, outage.model_class, outage.capacity_share) == ("person root", "", 0.5)
    assert "in force" in root.get(LIST).content.decode()
    RegionOutage.objects.update(starts_at=timezone.now() - timedelta(hours=2))
    root.get(f"{LIST}{outage.pk}/end_now/")
    assert RegionOutage.objects.get().ends_at is None
    root.post(f"{LIST}{outage.pk}/end_now/", {"reason": "Out."})
    assert RegionOutage.objects.get().ends_at is not None
    later = timezone.now() + timedelta(hours=2)
    assert list_outages(start=later, end=later + timedelta(hours=1)) == []


def test_a_share_that_leaves_all_is_refused_beside_its_field(root):
    page = root.post(f"{LIST}add/", {**FORM, "capacity_share": "1"})
    assert page.context["form"].errors == {"capacity_share": ["The share that is left is from 0 to below 1."]}
    assert not RegionOutage.objects.exists()


def test_staff_enter_one_only_with_the_permission(client):
    staff = User.objects.create_user("site", is_staff=True)
    client.force_login(staff)
    assert client.post(f"{LIST}add/", FORM).status_code == 403
    staff.user_permissions.set(Permission.objects.filter(codename__in=["add_regionoutage", "view_regionoutage"]))
    assert client.post(f"{LIST}add/", FORM).status_code == 302
    assert RegionOutage.objects.count() == 1


def test_an_outage_is_neither_changed_nor_deleted(root):
    root.post(f"{LIST}add/", FORM)
    outage = RegionOutage.objects.get()
    assert root.post(f"{LIST}{outage.pk}/change/", {**FORM, "capacity_share": "0.9"}).status_code == 403
    assert root.post(f"{LIST}{outage.pk}/delete/", {"post": "yes"}).status_code == 403
    assert RegionOutage.objects.get().capacity_share == 0.5


def test_a_latency_that_is_known_is_entered_with_its_source(root):
    form = {"country": "BD", "region": "aws-eu-north-1", "round_trip_ms": "38", "source": "", "change_reason": "ping"}
    root.post("/admin/climate/latencyfigure/add/", form)
    assert not LatencyFigure.objects.exists()
    root.post("/admin/climate/latencyfigure/add/", {**form, "source": "own probe, May 2026"})
    assert list_reach_km(["BD"])["BD", "aws-eu-north-1"] == 2000
