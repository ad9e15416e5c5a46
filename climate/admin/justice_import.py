"""CSV import of the justice inputs of countries: all rows or none, every value with its source."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from import_export import resources
from import_export.exceptions import ImportError as BadFile
from import_export.formats.base_formats import CSV

from climate.models import Country

if TYPE_CHECKING:

    class _Resource:
        """The library's resource, which carries no types."""

        def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None: ...
        def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None: ...

    class _Csv:
        """The library's format, which carries no types."""

        def create_dataset(self, in_stream: str, **kwargs: Any) -> Any: ...
else:
    _Resource, _Csv = resources.ModelResource, CSV

VALUES: dict[str, tuple[str, float, float]] = {
    "gni_usd": ("gni_source", 1, 1_000_000),
    "vulnerability": ("vulnerability_source", 0, 1),
    "co2_t_per_capita": ("co2_source", 0, 200),
}
"""Columns with a value: where its source is stored, and the least and most that can be meant."""

HEADERS = {
    "code": "Code",
    "name": "Country",
    "gni_usd": "GNI per head, US$",
    "gni_source": "Source of the GNI",
    "vulnerability": "Vulnerability",
    "vulnerability_source": "Source of the vulnerability",
    "co2_t_per_capita": "t CO₂ per head",
    "co2_source": "Source of the CO₂",
}
"""What the preview calls its columns. The name is shown beside the code, and never imported."""

COLUMNS = ("code", *VALUES, "source")
LONGEST_SOURCE_CHARACTERS = 200


class UnevenFile(ValueError):
    """A file whose rows do not have as many cells as its first line; says which."""


class EvenCsv(_Csv):
    """CSV that tells a person which row has a cell too many or too few."""

    def create_dataset(self, in_stream: str, **kwargs: Any) -> Any:
        """Rows of cells. Raises UnevenFile."""
        lines = [cells for cells in csv.reader(StringIO(in_stream)) if cells]
        for number, cells in enumerate(lines[1:], start=1):
            if len(cells) != len(lines[0]):
                raise UnevenFile(f"Row {number} has {len(cells)} cells, the first line has {len(lines[0])}.")
        return super().create_dataset(in_stream, **kwargs)


class JusticeInputs(_Resource):
    """Columns `code`, any of `gni_usd`, `vulnerability`, `co2_t_per_capita`, and `source`.

    An empty cell leaves the stored value as it is: an import adds knowledge and forgets none.
    """

    class Meta:
        model = Country
        import_id_fields = ("code",)
        fields = ("code", "name", *VALUES, *(source for source, _, _ in VALUES.values()))
        skip_unchanged = True
        report_skipped = True
        use_transactions = True
        clean_model_instances = True

    def get_diff_headers(self, selected_fields: Any = None) -> list[str]:
        """The columns of the preview in words."""
        return [HEADERS[name] for name in self._meta.fields]  # type: ignore[attr-defined]

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        """Refuse a file whose columns cannot be meant."""
        headers = [str(header or "") for header in dataset.headers or []]
        unknown = [header for header in headers if header not in COLUMNS]
        if unknown:
            raise BadFile(f"Unknown column: {', '.join(unknown)}. Known are {', '.join(COLUMNS)}.")
        missing = [name for name in ("code", "source") if name not in headers]
        if missing or not set(VALUES) & set(headers):
            raise BadFile(f"Columns needed: code, source and at least one of {', '.join(VALUES)}.")

    def before_import_row(self, row: dict[str, Any], **kwargs: Any) -> None:
        """Refuse a row for an unknown country, without a source, or with a value that cannot be meant."""
        found: dict[str, str] = {}
        row["code"] = str(row.get("code") or "").strip()
        row["source"] = str(row.get("source") or "").strip()
        if not Country.objects.filter(pk=row["code"]).exists():
            found["code"] = f"{row['code'] or 'Nothing'} is not the code of a known country."
        if not row["source"]:
            found["source"] = "Say where the values come from: publisher, edition, year."
        if len(row["source"]) > LONGEST_SOURCE_CHARACTERS:
            found["source"] = f"At most {LONGEST_SOURCE_CHARACTERS} characters."
        for column, (_, lowest, highest) in VALUES.items():
            if problem := _problem(row.get(column), lowest, highest):
                found[column] = problem
        if found:
            raise ValidationError(found)

    def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:
        """Leave what the row does not say."""
        if not _is_empty(row.get(field.column_name)):
            super().import_field(field, instance, row, is_m2m, **kwargs)

    def import_instance(self, instance: Country, row: dict[str, Any], **kwargs: Any) -> None:
        """Store with each value where it came from."""
        for column, (source, _, _) in VALUES.items():
            if not _is_empty(row.get(column)):
                setattr(instance, source, row["source"])
        super().import_instance(instance, row, **kwargs)

    def before_save_instance(self, instance: Country, row: dict[str, Any], **kwargs: Any) -> None:
        """Say in the history that an import did it."""
        instance._change_reason = f"CSV import: {row['source']}"[:100]  # type: ignore[attr-defined]


def _is_empty(cell: Any) -> bool:
    return cell is None or not str(cell).strip()


def _problem(cell: Any, lowest: float, highest: float) -> str:
    """What is wrong with a cell; nothing for an empty or good one."""
    if _is_empty(cell):
        return ""
    try:
        value = float(str(cell))
    except ValueError:
        return f"{cell} is not a number."
    if not lowest <= value <= highest:  # nor is NaN
        return f"{cell} is not between {lowest:g} and {highest:g}."
    return ""
