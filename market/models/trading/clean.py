"""Units of carbon registries that sellers attach in place of the carbon adder."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from market.models.trading.orders import Order

GRAMS_PER_UNIT = 1_000_000
"""A registry unit is a tonne CO2e."""


class RegistryUnit(models.Model):
    """A block of registry units with consecutive serial numbers. No serial number is in two blocks.

    The database refuses blocks that overlap (`registry_unit_no_overlap` in migration market/0005). It counts as
    verified only if everything is filled in and it is retired; only then may it be used.
    """

    registry = models.CharField(max_length=60)
    serial_prefix = models.CharField(max_length=120, blank=True, help_text="What stands before the numbers.")
    serial_first = models.BigIntegerField()
    serial_last = models.BigIntegerField()
    project_id = models.CharField(max_length=60, blank=True)
    project_name = models.CharField(max_length=200, blank=True)
    vintage = models.PositiveSmallIntegerField(null=True, blank=True)
    methodology = models.CharField(max_length=120, blank=True)
    verification_body = models.CharField(max_length=200, blank=True)
    retirement_beneficiary = models.CharField(max_length=200, blank=True)
    retirement_reason = models.CharField(max_length=300, blank=True)
    retired_on = models.DateField(null=True, blank=True)
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+", help_text="Who may use it.")
    used_g = models.BigIntegerField(default=0, help_text="Grams that offers have used or keep.")
    imported_at = models.DateTimeField()
    imported_by = models.CharField(max_length=120)
    history = HistoricalRecords(excluded_fields=["used_g"])

    class Meta:
        ordering = ["registry", "serial_prefix", "serial_first"]
        constraints = [
            models.CheckConstraint(
                condition=Q(serial_first__gte=0, serial_last__gte=F("serial_first")), name="registry_unit_serials"
            ),
            models.CheckConstraint(
                condition=Q(used_g__gte=0) & Q(used_g__lte=(F("serial_last") - F("serial_first") + 1) * GRAMS_PER_UNIT),
                name="registry_unit_not_used_twice",
            ),
            models.UniqueConstraint(fields=["registry", "serial_prefix", "serial_first"], name="registry_unit_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.registry} {self.serial_prefix}{self.serial_first}-{self.serial_last}"


class RegistryUse(models.Model):
    """Grams of a block that an order keeps, and after a fill has used."""

    unit = models.ForeignKey(RegistryUnit, on_delete=models.PROTECT, related_name="uses")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="registry_uses")
    kept_g = models.BigIntegerField(help_text="For lots that are still open.")
    used_g = models.BigIntegerField(default=0, help_text="For lots that were sold.")
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["unit", "order"], name="registry_use_unique"),
            models.CheckConstraint(condition=Q(kept_g__gte=0, used_g__gte=0), name="registry_use_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.unit_id} for {self.order_id}"
