"""How long it takes to find the newest readings among millions.

Starts a PostgreSQL of its own, fills it with hourly readings of every grid zone from two sources,
asks it with the program's own selectors, and removes it. Needs what `make setup` installs, nothing else; a million
readings take a minute. `make bench`, or

    .venv/bin/python benchmarks/latest_readings.py --rows 50000000     # needs 20 GB and a quarter of an hour
"""

from __future__ import annotations

import argparse
import atexit
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

# Nothing of the person's own deployment is read or written: no `.env`, no `var/`, no broker.
folder = tempfile.mkdtemp(prefix="commonwatt_bench_")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ |= {"COMMONWATT_DATA_DIR": folder, "COMMONWATT_ENV_FILE": os.devnull, "COMMONWATT_ENV": "local"}
os.environ |= {"LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings"}
os.environ.pop("REDIS_URL", None)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import track  # noqa: E402
from rich.table import Table  # noqa: E402

from tests.servers.postgres import running_postgres  # noqa: E402

SOURCES = ("electricity-maps", "entsoe")
HOURS_AT_ONCE = 500
WIDTH_CHARACTERS = 110  # where the output is no terminal: a wrapped table is hard to read
BASELINE = "one reading by its primary key"
Work = Callable[[], object]


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="Readings to fill in.")
    parser.add_argument("--rounds", type=int, default=50, help="How often each question is asked.")
    given = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_CHARACTERS
    with running_postgres() as url:
        os.environ["DATABASE_URL"] = url
        django.setup()
        measure(console, rows=given.rows, rounds=given.rounds)


def measure(console: Console, *, rows: int, rounds: int) -> None:
    """Everything that needs Django."""
    from django.core.management import call_command
    from django.db import connection

    from climate.models import GridZone
    from climate.services.reference import load_reference

    now = datetime.now(UTC)
    call_command("migrate", verbosity=0)
    load_reference(now=now)
    zones = list(GridZone.objects.values_list("pk", flat=True))
    hours = max(1, rows // (len(zones) * len(SOURCES)))
    started = time.perf_counter()
    fill(console, hours=hours, now=now)
    console.print(f"filled in {time.perf_counter() - started:,.0f} s")
    questions = prepare(zones, hours=hours, now=now)
    seconds = ask(console, questions, rounds=rounds)
    console.print(as_table(seconds, rounds=rounds, rows=hours * len(zones) * len(SOURCES), size=size_words()))
    explain(console, zones, now)
    connection.close()


def fill(console: Console, *, hours: int, now: datetime) -> None:
    """Hourly readings up to this hour, in the order of time as they would have come; indexes after that."""
    from django.db import connection

    from climate.models import CarbonReading

    last = now.replace(minute=0, second=0, microsecond=0)
    first = last - timedelta(hours=hours - 1)
    unique = next(each for each in CarbonReading._meta.constraints if each.name == "carbon_reading_unique")
    with connection.schema_editor() as editor:
        editor.remove_constraint(CarbonReading, unique)
        for index in CarbonReading._meta.indexes:
            editor.remove_index(CarbonReading, index)
    with connection.cursor() as cursor:
        for done in track(range(0, hours, HOURS_AT_ONCE), description="filling", console=console):
            begin = first + timedelta(hours=done)
            end = min(last, begin + timedelta(hours=HOURS_AT_ONCE - 1))
            cursor.execute(FILL, [begin, end, list(SOURCES)])
        cursor.execute("SET maintenance_work_mem = '1GB'")
    console.print("building the indexes ...")
    with connection.schema_editor() as editor:
        editor.add_constraint(CarbonReading, unique)
        for index in CarbonReading._meta.indexes:
            editor.add_index(CarbonReading, index)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE climate_carbonreading")


FILL = """
INSERT INTO climate_carbonreading (zone_id, source, kind, scope, starts_at, period_minutes, intensity_g_per_kwh,
    renewable_share, carbon_free_share, flag, received_at, revision)
SELECT zone.code, source.name, 'average', 'lifecycle', hour.at, 60, 30 + 1000 * random(),
    random(), random(), '', hour.at + interval '70 minutes', 0
FROM generate_series(%s::timestamptz, %s::timestamptz, interval '1 hour') AS hour(at),
    climate_gridzone AS zone, unnest(%s::text[]) AS source(name)
ORDER BY hour.at
"""
NEWEST = """
SELECT zone.code, newest.* FROM climate_gridzone AS zone CROSS JOIN LATERAL (
    SELECT source, starts_at, intensity_g_per_kwh FROM climate_carbonreading AS reading
    WHERE reading.zone_id = zone.code AND kind = 'average' AND scope = 'lifecycle'
    ORDER BY starts_at DESC LIMIT 1
) AS newest
"""


def prepare(zones: list[str], *, hours: int, now: datetime) -> dict[str, Work]:
    """The questions, each about other zones and hours every time."""
    from django.db import connection

    from climate.models import CarbonReading
    from climate.selectors import list_signals, list_stored_readings
    from climate.selectors.readings import list_readings_by_zone

    chosen = random.Random(1)
    ids = hours * len(zones) * len(SOURCES)
    day, ages_ago = timedelta(days=1), max(1, hours // 24 - 8)

    def newest() -> object:
        with connection.cursor() as cursor:
            cursor.execute(NEWEST)
            return cursor.fetchall()

    def readings(count: int) -> object:
        start, end = now - timedelta(hours=2.5), now + timedelta(hours=1)
        return list_readings_by_zone(chosen.sample(zones, count), start=start, end=end, now=now)

    def signals(count: int) -> object:
        return list_signals(zone_codes=chosen.sample(zones, count), hours=[now], now=now)

    def history(days: int) -> object:
        since = now - day * chosen.randint(days, max(days, ages_ago))
        return list_stored_readings(chosen.choice(zones), since=since, until=since + day * days, now=now)

    everywhere = len(zones)
    return {
        BASELINE: lambda: CarbonReading.objects.filter(pk=chosen.randint(1, ids)).first(),
        "readings of this hour, 1 zone": lambda: readings(1),
        f"readings of this hour, {everywhere} zones": lambda: readings(everywhere),
        f"newest reading ever of each of {everywhere} zones (SQL)": newest,
        "list_signals, this hour, 1 zone": lambda: signals(1),
        "list_signals, this hour, 100 zones": lambda: signals(100),
        f"list_signals, this hour, {everywhere} zones": lambda: signals(everywhere),
        "list_stored_readings, any day of one zone": lambda: history(1),
        "list_stored_readings, any week of one zone": lambda: history(7),
    }


def ask(console: Console, questions: dict[str, Work], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of every answer. Taken in turns, so that what else the machine does hurts all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in questions}
    for work in questions.values():
        work()  # models of hours are calibrated once per process
    for _ in track(range(rounds), description=f"{rounds} rounds", console=console):
        for name, work in questions.items():
            started = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def as_table(seconds: dict[str, list[float]], *, rounds: int, rows: int, size: str) -> Table:
    """Medians and their ratios; the last column is the slowest of the fastest nine in ten."""
    title = f"{rows:,} readings in PostgreSQL ({size}), one thread, {rounds} rounds"
    table = Table(title=title, title_justify="left")
    for name in ("question", "median ms", "90 % within ms", "times the baseline"):
        table.add_column(name, justify="left" if name == "question" else "right")
    plain = statistics.median(seconds[BASELINE])
    for name, each in seconds.items():
        middle, slow = statistics.median(each), sorted(each)[int(len(each) * 0.9) - 1]
        table.add_row(name, f"{middle * 1000:.2f}", f"{slow * 1000:.2f}", f"{middle / plain:.1f}")
    return table


def size_words() -> str:
    """How much room rows and indexes take."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s), pg_indexes_size(%s)", ["climate_carbonreading"] * 2)
        rows, indexes = cursor.fetchone()
    return f"rows {rows / 1e9:.1f} GB, indexes {indexes / 1e9:.1f} GB"


def explain(console: Console, zones: list[str], now: datetime) -> None:
    """Say how the database finds them. Exits with 1 if it reads the whole table."""
    from climate.models import CarbonReading

    period = {"starts_at__gte": now - timedelta(hours=2.5), "starts_at__lt": now + timedelta(hours=1)}
    rows = CarbonReading.objects.filter(kind="average", scope="lifecycle", **period)
    for count in (1, len(zones)):
        plan = rows.filter(zone_id__in=zones[:count]).explain(analyze=True, buffers=True)
        lines = [line for line in plan.splitlines() if len(line) < 4 * WIDTH_CHARACTERS and "ANY" not in line]
        console.print(f"\nreadings of this hour, {count} zones", *lines, sep="\n", markup=False, highlight=False)
        if "Seq Scan" in plan:
            raise SystemExit("The whole table is read.")


if __name__ == "__main__":
    main()
