"""What may stand in a CSV file of readings, and what a person is told of one that cannot be used."""

from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.reading_file import (
    EXAMPLE,
    Mistake,
    Row,
    UnreadableFile,
    gaps_of,
    overlaps_of,
    read_lines,
    text_of,
)
from climate.domain.signal import Scope

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
HEADER = "starts_at,period_minutes,intensity_g_per_kwh,renewable_share,carbon_free_share\n"


def lines(text: str, *, scope: Scope = Scope.LIFECYCLE):
    return list(read_lines(text, scope=scope, now=NOW))


def mistakes(cells: str, *, scope: Scope = Scope.LIFECYCLE) -> list[tuple[str, str]]:
    """Column and words for one line below the header."""
    (found,) = lines(HEADER + cells, scope=scope)
    return [] if isinstance(found, Row) else [(mistake.column, mistake.words) for mistake in found]


def row(minute: int, minutes: int = 60, line: int = 0) -> Row:
    at = NOW.replace(hour=0, minute=0) + timedelta(minutes=minute)
    return Row(line or 2 + minute, at, minutes, 100.0, None, None)


def test_the_example_that_is_offered_has_no_mistakes():
    first, second = lines(EXAMPLE)
    assert first == Row(2, datetime(2026, 3, 4, 9, tzinfo=UTC), 60, 212.5, 0.41, 0.63)
    assert second == Row(3, datetime(2026, 3, 4, 10, tzinfo=UTC), 60, 198, 0.44, None)


def test_columns_may_come_in_any_order_and_shares_may_be_left_out():
    assert lines("intensity_g_per_kwh, starts_at ,period_minutes\n100,2026-03-04T09:00Z,30\n") == [
        Row(2, datetime(2026, 3, 4, 9, tzinfo=UTC), 30, 100, None, None)
    ]


@pytest.mark.parametrize("text", ["\ufeff" + EXAMPLE, EXAMPLE.replace("\n", "\r\n"), EXAMPLE.replace("\n", "\n\n")])
def test_byte_order_marks_windows_line_ends_and_empty_lines_do_no_harm(text):
    assert [line[1:] for line in lines(text_of(text.encode()))] == [line[1:] for line in lines(EXAMPLE)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \r\n\n", "empty"),
        (b"PK\x03\x04 sheet", "Save the sheet as CSV"),
        (b"\x89PNG\r\n\x1a\n\0\0", "no text in UTF-8"),
        (HEADER.encode("utf-16"), "no text in UTF-8"),
        (b"starts_at\nM\xfcnchen", "Line 2 is no text in UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_in_plain_words(content, words):
    with pytest.raises(UnreadableFile, match=words):
        text_of(content)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER, "no rows below the header"),
        (HEADER.replace(",", ";") + "a;b", "separated by semicolons. Separate them by commas"),
        (HEADER.replace(",", "\t") + "a\tb", "separated by tabs"),
        ("<html>\n", "a column '<html>'. Known are starts_at"),
        ("starts_at,period_minutes\n", "lacks the column intensity_g_per_kwh"),
        ("starts_at,starts_at,period_minutes,intensity_g_per_kwh\n", "names a column twice"),
        ("2026-03-04T09:00Z,60,100\n", "a column '2026-03-04T09:00Z'"),
        (HEADER + '"2026-03-04T09:00Z,60,100,,\n', "Line 2 cannot be read as CSV"),
        (HEADER + "x" * 200_000 + ",60,100,,\n", "Line 2 cannot be read as CSV"),
        (HEADER + "a,b,c,d,e\n" * 100_001, "more than 100,000 rows"),
    ],
)
def test_a_file_that_cannot_be_judged_is_refused_as_a_whole(text, words):
    with pytest.raises(UnreadableFile, match=words):
        lines(text)


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ("yesterday,60,100,,", "starts_at", "'yesterday' is no time such as"),
        (",60,100,,", "starts_at", "nothing is no time"),
        ("2026-03-04T09:00,60,100,,", "starts_at", "does not say its offset from UTC"),
        ("2026-03-04,60,100,,", "starts_at", "does not say its offset"),
        ("2026-03-04T09:00:30Z,60,100,,", "starts_at", "not a whole minute"),
        ("2026-03-04T11:00:00Z,60,100,,", "starts_at", "has not come yet"),
        ("0001-01-01T00:00:00+14:00,60,100,,", "starts_at", "not between 1990 and now"),
        ("9999-12-31T23:59:00-14:00,60,100,,", "starts_at", "not between 1990 and now"),
        ("2026-03-04T09:00Z,0,100,,", "period_minutes", "'0' is no whole number of minutes from 1 to 60"),
        ("2026-03-04T09:00Z,61,100,,", "period_minutes", "from 1 to 60"),
        ("2026-03-04T09:00Z,30.5,100,,", "period_minutes", "no whole number"),
        ("2026-03-04T09:00Z,60,nan,,", "intensity_g_per_kwh", "'nan' is no number"),
        ("2026-03-04T09:00Z,60,inf,,", "intensity_g_per_kwh", "'inf' is no number"),
        ("2026-03-04T09:00Z,60,1_000,,", "intensity_g_per_kwh", "no number"),
        ("2026-03-04T09:00Z,60,0x10,,", "intensity_g_per_kwh", "no number"),
        ("2026-03-04T09:00Z,60,,,", "intensity_g_per_kwh", "nothing is no number"),
        ("2026-03-04T09:00Z,60,9.9,,", "intensity_g_per_kwh", "not between 10 and 1,300 g CO2e/kWh"),
        ("2026-03-04T09:00Z,60,1e300,,", "intensity_g_per_kwh", "not between 10 and 1,300"),
        ("2026-03-04T09:00Z,60,1301,,", "intensity_g_per_kwh", "not between"),
        ("2026-03-04T09:00Z,60,100,41,", "renewable_share", "not between 0 and 1 (a share, not a percentage)"),
        ("2026-03-04T09:00Z,60,100,,-0.1", "carbon_free_share", "not between 0 and 1"),
        ("2026-03-04T09:00Z,60,100,", "", "has 4 cells, the first line has 5"),
        ("2026-03-04T09:00Z,60,100,,,", "", "has 6 cells"),
    ],
)
def test_a_mistake_is_named_by_its_column_in_words(cells, column, words):
    ((found_column, found_words),) = mistakes(cells)
    assert found_column == column
    assert words in found_words


def test_all_mistakes_of_a_line_are_named_with_its_place_in_the_file():
    _, second = lines(HEADER + "2026-03-04T09:00Z,60,100,,\n\n2026-03-04T09:00,90,5,,\n")
    assert [(each.line, each.column) for each in second] == [
        (4, "starts_at"),
        (4, "period_minutes"),
        (4, "intensity_g_per_kwh"),
    ]


def test_a_chimney_may_emit_nothing_a_whole_grid_never_does():
    assert mistakes("2026-03-04T09:00Z,60,0,,", scope=Scope.DIRECT) == []
    assert mistakes("2026-03-04T09:00Z,60,0,,") != []


def test_the_words_of_a_huge_or_strange_cell_stay_short_and_printable():
    ((_, words),) = mistakes("2026-03-04T09:00Z,60," + "9" * 5_000 + "\x07,,")
    assert len(words) < 100
    assert words.isprintable()


def test_periods_told_twice_or_into_each_other_are_found():
    ordered = [row(0, 60), row(60, 30), row(60, 30, line=99), row(75, 15), row(90, 60)]
    assert overlaps_of(ordered) == [
        Mistake(99, "starts_at", "is the same period as line 62"),
        Mistake(77, "starts_at", "begins before the end of line 62"),
    ]


def test_gaps_are_the_time_between_two_rows():
    gaps = gaps_of([row(0), row(60), row(180, 30), row(240)])
    assert [gap.minutes for gap in gaps] == [60, 30]
    assert gaps[0].starts_at == row(120).starts_at
