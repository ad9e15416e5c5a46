import csv
import gzip
import json
import random

import pytest
from django.core.management import CommandError, call_command

INSTANCE = {
    "id": "two_places",
    "regions": ["NA", "Clean"],
    "kwh_per_mtok": 0.4,
    "eligible_sets": [[0], [0, 1]],
    "capacity_tokens": [[50, 50], [50, 50]],
    "cost": [[600, 600], [50, 60]],
    "meta": {},
    "requests": [
        {"id": 7, "origin": 0, "set": 0, "arrival": 0, "deadline": 0, "tokens": 30},
        {"id": 9, "origin": 0, "set": 1, "arrival": 0, "deadline": 0, "tokens": 30},
        {"id": 8, "origin": 0, "set": 1, "arrival": 0, "deadline": 1, "tokens": 40},
    ],
}
FAIR = {
    "regions": ["A"],
    "eligible_sets": [[0]],
    "capacity_tokens": [[11]],
    "cost": [[100]],
    "meta": {
        "parties": [
            {"name": "school", "weight": 1, "floor": 5},
            {"name": "clinic", "weight": 1, "floor": 0},
            {"name": "lab", "weight": 2, "floor": 0},
        ]
    },
    "requests": [
        {"id": 0, "set": 0, "arrival": 0, "deadline": 0, "tokens": 10, "party": "school"},
        {"id": 1, "set": 0, "arrival": 0, "deadline": 0, "tokens": 2, "party": "clinic"},
        {"id": 2, "set": 0, "arrival": 0, "deadline": 0, "tokens": 10, "party": "lab"},
    ],
}


@pytest.fixture
def solve(tmp_path, capsys):
    """Write an instance, solve it; the printed lines as a dict, and the rows of the answer."""

    def run(instance, *options):
        path, out = tmp_path / "instance.json", tmp_path / "out.csv"
        path.write_text(json.dumps(instance))
        call_command("solve_placement", str(path), "--out", str(out), *options)
        lines = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
        with out.open() as file:
            return lines, list(csv.DictReader(file))

    return run


def totals(instance, rows):
    """Tokens by request, the load by (region, slot) and the cost, straight from the file."""
    tokens, load, cost = {}, {}, 0
    for row in rows:
        region, slot, amount = int(row["region"]), int(row["slot"]), int(row["tokens"])
        tokens[row["id"]] = tokens.get(row["id"], 0) + amount
        load[region, slot] = load.get((region, slot), 0) + amount
        cost += amount * instance["cost"][region][slot]
    return tokens, load, cost


def test_the_least_carbon_is_found_told_and_written(solve):
    lines, rows = solve(INSTANCE)
    assert lines["objective"] == "21700"  # 30 at 600 at home, 50 at 50 and 20 at 60 in the clean place
    assert lines["unserved_tokens"] == "0"
    assert float(lines["grams_co2e"]) == pytest.approx(21700 * 0.4 / 1e6 / 100)
    assert float(lines["seconds"]) >= 0
    tokens, load, cost = totals(INSTANCE, rows)
    assert tokens == {"7": 30, "8": 40, "9": 30}
    assert load == {(0, 0): 30, (1, 0): 50, (1, 1): 20}
    assert cost == 21700


def test_whole_requests_stay_in_one_place(solve):
    lines, rows = solve(INSTANCE, "--whole")
    assert len({row["id"] for row in rows}) == len(rows) == 3
    assert int(lines["objective"]) == totals(INSTANCE, rows)[2] == 30 * 600 + 30 * 50 + 40 * 60


def test_fair_service_is_told_by_party(solve):
    lines, rows = solve(FAIR, "--fair")
    assert lines["service school"].startswith("5 tokens (asked 10, weight 1, floor 5")
    assert lines["service clinic"].startswith("2 tokens")
    assert lines["service lab"].startswith("4 tokens")
    assert lines["unserved_tokens"] == "11"
    assert totals(FAIR, rows)[0] == {"0": 5, "1": 2, "2": 4}


def test_without_fair_parties_do_not_matter(solve):
    lines, _ = solve(FAIR)
    assert lines["unserved_tokens"] == "11"
    assert not [name for name in lines if name.startswith("service")]


@pytest.mark.parametrize("packed", [True, False])
def test_requests_may_stand_in_a_file_of_their_own(solve, tmp_path, packed):
    name = "requests.csv.gz" if packed else "requests.csv"
    columns = ["id", "origin", "set", "arrival", "deadline", "tokens"]
    text = "\n".join([",".join(columns), *(",".join(str(row[c]) for c in columns) for row in INSTANCE["requests"])])
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    instance = {key: value for key, value in INSTANCE.items() if key != "requests"} | {"requests_file": name}
    lines, rows = solve(instance)
    assert lines["objective"] == "21700"
    assert totals(INSTANCE, rows)[0] == {"7": 30, "8": 40, "9": 30}


def test_classes_are_known_by_their_row(solve, tmp_path):
    (tmp_path / "classes.csv").write_text("set,arrival,deadline,tokens\n0,0,0,30\n1,0,0,30\n1,0,1,40\n")
    instance = {key: value for key, value in INSTANCE.items() if key != "requests"} | {"classes_file": "classes.csv"}
    lines, rows = solve(instance)
    assert lines["objective"] == "21700"
    assert totals(INSTANCE, rows)[0] == {"0": 30, "1": 30, "2": 40}


def test_ids_may_be_names_and_the_order_of_requests_does_not_matter(solve):
    named = [{**row, "id": f"job {row['id']}"} for row in INSTANCE["requests"]]
    one = solve(INSTANCE | {"requests": named})[1]
    random.Random(3).shuffle(named)
    two = solve(INSTANCE | {"requests": named})[1]
    key = ("id", "region", "slot")
    assert sorted(one, key=lambda row: [row[k] for k in key]) == sorted(two, key=lambda row: [row[k] for k in key])
    assert {row["id"] for row in one} == {"job 7", "job 8", "job 9"}


def test_a_window_may_reach_beyond_the_slots(solve):
    rows = [{"set": 0, "arrival": 1, "deadline": 99, "tokens": 60}]
    assert solve(INSTANCE | {"requests": rows})[0]["unserved_tokens"] == "10"


def with_request(**fields):
    return INSTANCE | {"requests": [{"id": 1, "set": 0, "arrival": 0, "deadline": 1, "tokens": 5, **fields}]}


@pytest.mark.parametrize(
    ("instance", "said"),
    [
        (INSTANCE | {"regions": []}, "regions"),
        (INSTANCE | {"capacity_tokens": [[1, 2]]}, "capacity_tokens"),
        (INSTANCE | {"capacity_tokens": [[1, 2], [3]]}, "capacity_tokens"),
        (INSTANCE | {"capacity_tokens": [[1, 2], [3, -4]]}, r"capacity_tokens\[1\]\[1\]"),
        (INSTANCE | {"capacity_tokens": [[1, 2], [3, 4.5]]}, "capacity_tokens: must be whole"),
        (INSTANCE | {"cost": [[1], [2]]}, "cost"),
        (INSTANCE | {"cost": None}, "cost"),
        (INSTANCE | {"eligible_sets": [[0], [2]]}, r"eligible_sets\[1\]"),
        (INSTANCE | {"eligible_sets": 3}, "eligible_sets"),
        (INSTANCE | {"requests": "many"}, "requests"),
        (INSTANCE | {"requests": [{"set": 0, "arrival": 0, "deadline": 0}]}, r"requests\[0\]\.tokens: is missing"),
        ({key: value for key, value in INSTANCE.items() if key != "requests"}, "requests_file"),
        (with_request(tokens=-5), r"requests\.tokens\[0\]: must be from 0, is -5"),
        (with_request(tokens="many"), r"requests\.tokens: must be whole"),
        (with_request(set=2), r"requests\.set\[0\]: must be from 0 to 1"),
        (with_request(arrival=1, deadline=0), "requests.deadline: row 0: the window ends at 0, before 1"),
        (with_request(arrival=2, deadline=2), "requests.arrival"),
        (INSTANCE | {"requests": INSTANCE["requests"] + INSTANCE["requests"][:1]}, "requests.id: 7 is given twice"),
        (FAIR | {"meta": {"parties": [{"name": "school", "weight": 0}]}}, r"parties\[0\]\.weight: must be above 0"),
        (FAIR | {"meta": {"parties": [{"name": "school", "weight": 1, "floor": -1}]}}, r"parties\[0\]\.floor"),
        (FAIR | {"meta": {"parties": [{"name": "school"}]}}, "meta.parties"),
        (FAIR | {"meta": {"parties": [{"name": "school", "weight": 1}]}}, "'clinic' is not in meta.parties"),
        (INSTANCE | {"eligible_sets": [[0, [1]]]}, r"eligible_sets\[0\]: must be single values"),
        (INSTANCE | {"kwh_per_mtok": "many"}, "kwh_per_mtok: must be a number"),
        (INSTANCE | {"meta": "none"}, "meta: must be an object"),
        (with_request(tokens=[1, 2]), r"requests\.tokens: must be single values"),
        (with_request(id=[1]), r"requests\.id: must be single values"),
        (with_request(tokens=2**63 + 5), r"requests\.tokens: must be at most 2\^62"),
        (with_request(tokens=1e300), r"requests\.tokens: must be at most 2\^62"),
        (INSTANCE, "meta.parties: is missing"),
        ({**FAIR, "requests": [{"set": 0, "arrival": 0, "deadline": 0, "tokens": 1}]}, "requests.party: is missing"),
    ],
)
def test_what_is_wrong_with_an_instance_is_said_by_field(solve, tmp_path, instance, said):
    with pytest.raises(CommandError, match=said):
        solve(instance, "--fair")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("set,arrival,deadline\n0,0,0\n", "requests_file.tokens: the column is missing"),
        ("set,arrival,deadline,tokens\n0,0,0,many\n", "many"),
        ("set,arrival,deadline,tokens\n0,0,0,\n", "requests_file.tokens: has empty cells"),
    ],
)
def test_what_is_wrong_with_a_file_of_requests_is_said_too(solve, tmp_path, text, said):
    (tmp_path / "requests.csv").write_text(text)
    instance = {key: value for key, value in INSTANCE.items() if key != "requests"} | {"requests_file": "requests.csv"}
    with pytest.raises(CommandError, match=said):
        solve(instance)


def test_missing_files_and_broken_ones_are_named(solve, tmp_path):
    with pytest.raises(CommandError, match=r"nowhere\.json: No such file"):
        call_command("solve_placement", str(tmp_path / "nowhere.json"))
    instance = {key: value for key, value in INSTANCE.items() if key != "requests"} | {"requests_file": "none.csv.gz"}
    with pytest.raises(CommandError, match=r"none\.csv\.gz: No such file"):
        solve(instance)
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(CommandError, match=r"broken\.json: is not JSON"):
        call_command("solve_placement", str(tmp_path / "broken.json"))


def test_a_solver_without_time_says_so(solve):
    with pytest.raises(CommandError, match="time"):
        solve(INSTANCE, "--seconds", "0")
