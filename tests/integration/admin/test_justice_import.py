"""CSV import of justice inputs: all rows or none, each value with its source, each change in the history."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from climate.models import Country

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/climate/country/import/"


@pytest.fixture(autouse=True)
def _countries(db):
    for code, iso3, name in (("BD", "BGD", "Bangladesh"), ("KE", "KEN", "Kenya")):
        Country.objects.create(code=code, iso3=iso3, name=name, latitude=1, longitude=1, co2_t_per_capita=0.5)


def upload(client, text):
    file = SimpleUploadedFile("inputs.csv", text.encode(), content_type="text/csv")
    return client.post(ADDRESS, {"import_file": file, "format": "0"})


def confirm(client, page):
    form = page.context["confirm_form"]
    return client.post("/admin/climate/country/process_import/", form.initial, follow=True)


def stored():
    return list(Country.objects.order_by("code").values_list("code", "gni_usd", "gni_source", "co2_t_per_capita"))


UNCHANGED = [("BD", None, "", 0.5), ("KE", None, "", 0.5)]


def test_good_rows_are_shown_first_and_imported_on_confirmation(root):
    page = upload(
        root, "\ufeffcode,gni_usd,vulnerability,source\nBD,2820,0.53,World Bank 2024\nKE,2110,,World Bank 2024\n"
    )
    assert stored() == UNCHANGED
    confirm(root, page)
    assert stored() == [("BD", 2820, "World Bank 2024", 0.5), ("KE", 2110, "World Bank 2024", 0.5)]
    assert Country.objects.get(code="BD").vulnerability_source == "World Bank 2024"
    assert Country.objects.get(code="KE").vulnerability_source == ""
    record = Country.history.filter(code="BD").first()
    assert (record.history_user.username, record.history_change_reason) == ("root", "CSV import: World Bank 2024")
    assert record.prev_record.gni_usd is None


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("XX,2110,0.5,WB", "code", "not the code of a known country"),
        ("KE,much,0.5,WB", "gni_usd", "much is not a number"),
        ("KE,-1,0.5,WB", "gni_usd", "-1 is not between"),
        ("KE,nan,0.5,WB", "gni_usd", "nan is not between"),
        ("KE,2110,1.5,WB", "vulnerability", "1.5 is not between 0 and 1"),
        ("KE,2110,0.5,", "source", "Say where the values come from"),
    ],
)
def test_one_bad_row_changes_nothing_and_is_named_with_its_column(root, row, column, words):
    page = upload(root, f"code,gni_usd,vulnerability,source\nBD,2820,0.53,WB\n{row}\n")
    assert page.status_code == 200
    assert "confirm_form" not in page.context
    invalid = page.context["result"].invalid_rows
    assert [(each.number, list(each.field_specific_errors)) for each in invalid] == [(2, [column])]
    text = page.content.decode()
    assert f"Row 2, column {column}: " in text
    assert words in text
    assert stored() == UNCHANGED


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("code,gni,source", "Unknown column: gni"),
        ("code,gni_usd", "Columns needed"),
        ("code,source", "Columns needed"),
        ("gni_usd,source", "Columns needed"),
    ],
)
def test_a_file_with_other_columns_is_refused(root, header, words):
    page = upload(root, f"{header}\nBD,1,WB\n"[: len(header) + 1] + ",".join("1" * len(header.split(","))) + "\n")
    text = page.content.decode()
    assert words in text
    assert "Traceback" not in text
    assert ".py" not in text
    assert stored() == UNCHANGED


def test_a_row_with_a_cell_too_few_is_told_in_plain_words(root):
    text = upload(root, "code,gni_usd,source\nBD,2820,WB\nKE,2110\n").content.decode()
    assert "Row 2 has 2 cells, the first line has 3." in text
    assert "Traceback" not in text
    assert stored() == UNCHANGED


def test_the_preview_names_countries_and_columns_in_words(root):
    text = upload(root, "code,gni_usd,source\nBD,2820,World Bank 2024\n").content.decode()
    assert "Bangladesh" in text
    assert "GNI per head, US$" in text
    assert "gni_usd</th>" not in text.lower()


def test_a_value_typed_by_hand_needs_its_source_too(root):
    form = {"name": "Bangladesh", "latitude": 1, "longitude": 1, "gni_usd": 2820, "co2_t_per_capita": 0.5}
    page = root.post("/admin/climate/country/BD/change/", form)
    assert set(page.context["adminform"].form.errors) == {"gni_source", "co2_source"}
    assert stored() == UNCHANGED
