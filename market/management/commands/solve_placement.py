"""`manage.py solve_placement INSTANCE.json`: the least carbon for a placement instance, proven."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from market.domain.placement.fairness import share_fairly
from market.domain.placement.green import place_green
from market.domain.placement.handback import hand_back, hold_headroom
from market.domain.placement.instances import BadInstance, Instance, read_instance
from market.domain.placement.problem import Assignment, FairService, Flow, Indices, Ints, Parties, SolverFailed
from market.management.instance_files import read_files, write_placements

GRAMS_PER_UNIT = 1e-2 / 1e6
"""Costs count hundredths of g CO2e/kWh, energy kWh per million tokens."""


class Command(BaseCommand):
    help = (
        "Serve the most tokens of a placement instance, then at least carbon; with --fair what each party's weight and"
        " floor give it. Costs are in hundredths of g CO2e/kWh, placements in whole tokens. Needs no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("instance", type=Path, metavar="INSTANCE.json")
        parser.add_argument("--out", type=Path, metavar="PLACEMENTS.csv", help="Write id,region,slot,tokens there.")
        parser.add_argument("--fair", action="store_true", help="Honour meta.parties (weight, floor).")
        parser.add_argument("--whole", action="store_true", help="Keep each request in one region and hour.")
        parser.add_argument("--seconds", type=float, default=600.0, help="How long the solvers may take (600).")

    def handle(self, *, instance: Path, out: Path | None, fair: bool, whole: bool, **options: Any) -> None:
        began = time.perf_counter()
        console = Console(stderr=True)
        try:
            with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
                given = _read(instance, progress, needs_parties=fair)
                steps = progress.add_task("Sharing and placing", total=3 if out else 2)
                flow, service = _solve(given, fair=fair, whole=whole, seconds=options["seconds"])
                progress.advance(steps)
                placed = _hand_out(given, flow, whole=whole)
                progress.advance(steps)
                if out:
                    write_placements(out, given.ids, placed)
        except (BadInstance, SolverFailed) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error
        self._tell(given, flow, placed, service)
        self.stdout.write(f"seconds: {time.perf_counter() - began:.3f}")

    def _tell(self, given: Instance, flow: Flow, placed: Assignment, service: FairService | None) -> None:
        objective = flow.objective + placed.rounded_cost
        asked, served = int(given.requests.tokens.sum()), int(placed.tokens.sum())
        self.stdout.write(f"objective: {objective}")
        self.stdout.write(f"unserved_tokens: {asked - served}")
        self.stdout.write(f"served_tokens: {served}")
        if given.kwh_per_million_tokens is not None:
            self.stdout.write(f"grams_co2e: {objective * given.kwh_per_million_tokens * GRAMS_PER_UNIT:.10g}")
        if service is not None and given.parties is not None:
            self._tell_parties(given, given.parties, placed, service)

    def _tell_parties(self, given: Instance, parties: Parties, placed: Assignment, service: FairService) -> None:
        of_group = given.problem.group_party
        got = _by_party(of_group[given.requests.group[placed.request]], placed.tokens, len(given.party_names))
        asked = _by_party(of_group, given.problem.group_tokens, len(given.party_names))
        self.stdout.write(f"floor_scale: {service.floor_scale:g}")
        for index, name in enumerate(given.party_names):
            weight, floor = parties.weight[index], parties.floor_tokens[index]
            self.stdout.write(
                f"service {name}: {got[index]} tokens (asked {asked[index]}, weight {weight:g}, floor {floor:g} tokens)"
            )


def _read(path: Path, progress: Progress, *, needs_parties: bool) -> Instance:
    task = progress.add_task(f"Reading {path.name}", total=1.0)
    header, columns = read_files(path, lambda share: progress.update(task, completed=share))
    instance = read_instance(header, columns)
    progress.update(task, completed=1.0)
    if needs_parties and instance.parties is None:
        raise BadInstance("meta.parties", "is missing; --fair needs each party's weight and floor.")
    if needs_parties and "party" not in columns:
        raise BadInstance("requests.party", "is missing; --fair needs the party of each request.")
    return instance


def _solve(given: Instance, *, fair: bool, whole: bool, seconds: float) -> tuple[Flow, FairService | None]:
    began = time.perf_counter()
    problem = hold_headroom(given.problem, given.requests) if whole else given.problem
    if not fair or given.parties is None:
        return place_green(problem, service_tokens=None, seconds=seconds), None
    service = share_fairly(problem, given.parties, seconds=seconds)
    left = seconds - (time.perf_counter() - began)
    return place_green(problem, service_tokens=service.service_tokens, seconds=left), service


def _hand_out(given: Instance, flow: Flow, *, whole: bool) -> Assignment:
    """Exactly the flow, requests split where it crosses from cell to cell; or whole ones."""
    requests = given.requests
    if whole:
        requests = replace(requests, may_split=np.zeros_like(requests.may_split))
    return hand_back(given.problem, flow, requests)


def _by_party(party: Indices, tokens: Ints, party_count: int) -> list[int]:
    sums = np.zeros(party_count, dtype=np.int64)
    np.add.at(sums, party, tokens)
    return sums.tolist()
