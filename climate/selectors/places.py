"""Countries and regions."""

from __future__ import annotations

from collections import defaultdict

from django.db.models import QuerySet

from climate.domain.places import CountryFacts, RegionFacts
from climate.models import Country, Region, RegionCapacity
from config.kernel.errors import NotFound

COLUMN_OF_FACT = {
    "code": "code",
    "provider": "provider",
    "name": "name",
    "city": "city",
    "zone": "zone_id",
    "country_code": "country_id",
    "latitude": "latitude",
    "longitude": "longitude",
    "pue": "pue",
    "pue_source": "pue_source",
    "contracted_cfe_share": "contracted_cfe_share",
    "contracted_cfe_source": "contracted_cfe_source",
    "is_active": "is_active",
}


def list_regions(*, active_only: bool = True) -> list[RegionFacts]:
    """Regions with their capacities, by code. Two queries.

    Every decision reads them all: plain rows, as several hundred model instances would cost more
    than the rest of the decision.
    """
    regions = Region.objects.order_by("code")
    return _region_facts(regions.filter(is_active=True) if active_only else regions)


def get_region(code: str) -> RegionFacts:
    """One region, active or not. Raises NotFound."""
    found = _region_facts(Region.objects.filter(pk=code))
    if not found:
        raise NotFound(f"There is no region {code!r}.")
    return found[0]


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


def _region_facts(regions: QuerySet[Region]) -> list[RegionFacts]:
    tokens: dict[str, dict[str, int]] = defaultdict(dict)
    sources: dict[str, dict[str, str]] = defaultdict(dict)
    capacities = RegionCapacity.objects.values_list("region_id", "model_class", "tokens_per_hour", "source")
    for code, model_class, tokens_per_hour, source in capacities:
        tokens[code][model_class] = tokens_per_hour
        sources[code][model_class] = source
    return [
        RegionFacts(
            **{name: row[column] for name, column in COLUMN_OF_FACT.items()},
            capacity_tokens_per_hour=tokens[row["code"]],
            capacity_source=sources[row["code"]],
        )
        for row in regions.values(*COLUMN_OF_FACT.values())
    ]


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
