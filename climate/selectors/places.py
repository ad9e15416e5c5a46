"""Countries, regions and emergencies."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from climate.domain.places import CountryFacts, EmergencyFacts, RegionFacts
from climate.models import Country, Emergency, Region
from config.kernel.errors import NotFound


def list_regions(*, active_only: bool = True) -> list[RegionFacts]:
    """Regions with their capacities, by code. Two queries."""
    regions = Region.objects.prefetch_related("capacities").order_by("code")
    if active_only:
        regions = regions.filter(is_active=True)
    return [_region_facts(region) for region in regions]


def get_region(code: str) -> RegionFacts:
    """One region, active or not. Raises NotFound."""
    region = Region.objects.prefetch_related("capacities").filter(pk=code).first()
    if region is None:
        raise NotFound(f"There is no region {code!r}.")
    return _region_facts(region)


def list_countries() -> list[CountryFacts]:
    """Every country, by name. One query."""
    return [_country_facts(country) for country in Country.objects.all()]


def find_country(code: str) -> CountryFacts | None:
    """The country of an ISO 3166-1 alpha-2 code, or None."""
    country = Country.objects.filter(pk=code).first()
    return _country_facts(country) if country else None


def get_country(code: str) -> CountryFacts:
    """The country of an ISO 3166-1 alpha-2 code. Raises NotFound."""
    found = find_country(code)
    if found is None:
        raise NotFound(f"There is no country {code!r}.")
    return found


def list_active_emergencies(*, now: datetime) -> list[EmergencyFacts]:
    """Emergencies in force at `now`, newest first."""
    in_force = Emergency.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now), starts_at__lte=now)
    return [
        EmergencyFacts(
            id=each.pk,
            kind=each.kind,
            title=each.title,
            country_codes=tuple(each.country_codes),
            purposes=tuple(each.purposes),
            multiplier=each.multiplier,
            starts_at=each.starts_at,
            ends_at=each.ends_at,
        )
        for each in in_force
    ]


def _region_facts(region: Region) -> RegionFacts:
    return RegionFacts(
        code=region.code,
        provider=region.provider,
        name=region.name,
        city=region.city,
        zone=region.zone_id,
        country_code=region.country_id,
        latitude=region.latitude,
        longitude=region.longitude,
        pue=region.pue,
        pue_source=region.pue_source,
        contracted_cfe_share=region.contracted_cfe_share,
        is_active=region.is_active,
        capacity_tokens_per_hour={each.model_class: each.tokens_per_hour for each in region.capacities.all()},
        capacity_source={each.model_class: each.source for each in region.capacities.all()},
        contracted_cfe_source=region.contracted_cfe_source,
    )


def _country_facts(country: Country) -> CountryFacts:
    return CountryFacts(
        code=country.code,
        name=country.name,
        latitude=country.latitude,
        longitude=country.longitude,
        income_group=country.income_group,
        is_global_south=country.is_global_south,
        is_ldc=country.is_ldc,
        is_sids=country.is_sids,
        gni_usd=country.gni_usd,
        vulnerability=country.vulnerability,
        co2_t_per_capita=country.co2_t_per_capita,
    )
