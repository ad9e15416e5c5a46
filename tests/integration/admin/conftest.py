"""A superuser and an auditor, logged in."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from accounts.services.organisations import ensure_groups


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root(db):
    """A client of a superuser, named root."""
    return _client(User.objects.create_superuser("root", password="correct horse battery"))


@pytest.fixture
def member_of(db):
    """Makes a client of a member of staff in a group."""

    def make(group: str) -> Client:
        ensure_groups()
        user = User.objects.create_user(f"of-{group}", is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        return _client(user)

    return make
