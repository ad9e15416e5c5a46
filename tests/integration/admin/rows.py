"""Rows of any model, so that every admin page is looked at with something on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db import models

from accounts.models import User
from budgets.models import Hold
from climate.models import LatencyBand, ReadingImport, RegionOutage, RetentionPolicy
from market.models import Account, AllocationRequest, AllocationRun, Auction, BuyIn, Order
from sessions_app.models import Archive, Checkpoint, Deployment, Event, Handoff, Instance, Proposal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPECIAL: dict[type[models.Model], dict[str, Any]] = {
    Account: {"kind": "team"},
    Archive: {"seq_from": 1, "seq_to": 2, "body": b"body", "sha256": bytes(32)},
    Checkpoint: {"document": {}, "digest": bytes(32), "sha256": bytes(32)},
    Deployment: {"secret_variable": "", "sealed_secret": "", "serves_chat": True},
    Event: {"digest": bytes(32)},
    Handoff: {"switched_seq": None, "finished_at": None},
    Instance: {"window_tokens": 10_000, "max_output_tokens": 1_000},
    Proposal: {"decided_at": None},
    AllocationRequest: {"is_simulated": True},
    AllocationRun: {"state": "finished"},
    Auction: {"status": "no_cross"},
    BuyIn: {"loan": None},  # it is for a loan or for a forward
    Hold: {"escrow": None},  # a block is held by a hold itself
    Order: {"limit_ticks": 1},
    RegionOutage: {"capacity_share": 0.5},
    ReadingImport: {"content": b"content"},
    RetentionPolicy: {"id": 1},  # there is one
    User: {"is_staff": False},
}


def make_rows(model: type[models.Model], numbers: range) -> list[Any]:
    """One row for each number, with rows of their own for the foreign keys."""
    return [_make(model, number) for number in numbers]


def _make(model: type[models.Model], number: int) -> Any:
    special = SPECIAL.get(model, {})
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.AutoField | models.UUIDField) or field.name in special:
            continue
        if isinstance(field, models.ForeignKey):
            if field.related_model is not model:
                values[field.name] = _related(field, number)
        elif (not field.has_default() and not field.null) or field.choices:
            values[field.name] = _value(field, number)
    values |= special
    if model is LatencyBand:
        values["distance_km"] = number % 20_000  # each distance once
    known = model._default_manager.filter(pk=values.get(model._meta.pk.name)).first()
    return known or model._default_manager.create(**values)


def _related(field: models.ForeignKey[Any, Any], number: int) -> Any:
    related: Any = field.related_model
    name = f"r{number:06d}"
    if related is Group:
        return Group.objects.create(name=name)
    return _make(related, 1000 + number * 37 + sum(map(ord, field.model.__name__ + field.name)))


def _time(field: Any, at: datetime) -> Any:
    return at if isinstance(field, models.DateTimeField) else at.date()


def _value(field: Any, number: int) -> Any:
    if field.choices:
        return field.flatchoices[0][0]
    if isinstance(field, models.DateField):  # a DateTimeField is one too
        return _time(field, NOW + timedelta(minutes=number % 500_000))
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.FloatField):
        return 50.0
    if isinstance(field, models.PositiveSmallIntegerField):
        return number % 30_000
    if isinstance(field, models.IntegerField):
        return number
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.GenericIPAddressField):
        return "127.0.0.1"
    if isinstance(field, models.TextField):
        return f"text {number}"
    longest = field.max_length
    return _short(number, longest) if longest < 8 else f"{field.name[:4]}{number}"[:longest]


def _short(number: int, characters: int) -> str:
    """A distinct code of so many capital letters."""
    letters = ""
    for _ in range(characters):
        number, rest = divmod(number, 26)
        letters += chr(ord("A") + rest)
    return letters
