"""`make bench`: how long the hot paths take on a large tailnet, beside their budgets. It measures, and fails nothing.

`python -m tests.bench curve` shows how time and memory grow with the number of nodes. Each measurement runs in a process of
its own, as a user's command does, so that memory is its own, and the fastest of three is shown. `python -m tests.bench
components` compares the Pulumi program with a flat one under the real engine (tests/bench/engine.py).
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tailstack.allocation import without_garbage_collection
from tests.bench.engine import SIZES, show_comparison
from tests.bench.measurements import MEASUREMENTS, Stage
from tests.bench.tailnets import CLUSTERS, EXPOSURES, GRANTS, USERS, PlainTailnet

CURVE = (10, 30, 100, 300)
"""Clusters of the plain tailnets of the curve, each with 102 nodes."""


RUNS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What a measurement at one size may take, in seconds and in megabytes; None where there is no budget of its own."""

    name: str
    size: int = CLUSTERS
    seconds: float
    megabytes: int | None = None


HELP = Budget(name="tailstack --help", seconds=0.2)
BUDGETS = {
    "check": Budget(name="check + diff of the declared tailnet", size=50, seconds=3.0, megabytes=500),
    "pairs": Budget(name="a policy file: parse, compile, all pairs", seconds=2.0, megabytes=400),
    "diff": Budget(name="two policy files: parse, diff", seconds=3.0),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What a measurement took."""

    stages: Sequence[Stage]
    megabytes: int

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages if stage.counts)

    def of(self, name: str) -> float:
        """Seconds of one stage."""
        return next(stage.seconds for stage in self.stages if stage.name == name)


def main(arguments: Sequence[str]) -> None:
    match arguments:
        case []:
            show_budgets()
        case ["curve"]:
            show_curve()
        case ["components", *sizes]:
            show_comparison(tuple(map(int, sizes)) or SIZES)
        case [name, size]:
            with without_garbage_collection():  # as commands that answer once and end do
                stages = [asdict(stage) for stage in MEASUREMENTS[name](int(size))]
            # In KB, as Linux counts it.
            print(json.dumps({"stages": stages, "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
        case _:
            sys.exit(f"usage: python -m tests.bench [curve | components [SIZE …] | {{{','.join(MEASUREMENTS)}}} SIZE]")


def show_budgets() -> None:
    print(f"{CLUSTERS} clusters of {EXPOSURES} exposures, {GRANTS:,} access entries, {USERS} users\n")
    times = [_timed([sys.executable, "-m", "tailstack", "--help"]) for _ in range(10)]
    print(f"{HELP.name}: {statistics.median(times):.2f} s (budget {HELP.seconds} s)")
    for name, budget in BUDGETS.items():
        measured = measure(name, budget.size)
        limit = f" (budget {budget.megabytes} MB)" if budget.megabytes else ""
        print(f"{budget.name}: {measured.seconds:.2f} s (budget {budget.seconds} s), {measured.megabytes} MB{limit}")
        for stage in measured.stages:
            limit = f" (budget {stage.budget} s)" if stage.budget is not None else ""
            note = f", {stage.note}" if stage.note else ""
            print(f"    {stage.name}: {stage.seconds:.2f} s{limit}{note}")


def show_curve() -> None:
    print("| Nodes | Grants | Policy | Parse | Compile | All pairs | Memory | Diff | Memory of the diff |")
    print("|---|---|---|---|---|---|---|---|---|")
    for clusters in CURVE:
        tailnet = PlainTailnet(clusters=clusters)
        pairs, diff = measure("pairs", clusters), measure("diff", clusters)
        every = pairs.seconds - pairs.of("parse") - pairs.of("compile")
        cells = (
            f"{tailnet.nodes:,}",
            f"{tailnet.grants:,}",
            f"{len(tailnet.policy()) // 1024:,} KB",
            *(f"{seconds:.2f} s" for seconds in (pairs.of("parse"), pairs.of("compile"), every)),
            f"{pairs.megabytes} MB",
            f"{diff.of('difference'):.2f} s",
            f"{diff.megabytes} MB",
        )
        print(f"| {' | '.join(cells)} |")


def measure(name: str, size: int) -> Measured:
    """The fastest of a few runs: what else the machine does only adds to a time."""
    return min((_measured(name, size) for _ in range(RUNS)), key=lambda measured: measured.seconds)


def _measured(name: str, size: int) -> Measured:
    told = json.loads(_output([sys.executable, "-m", "tests.bench", name, str(size)]))
    stages = [Stage(**stage) for stage in told["stages"]]
    return Measured(stages=stages, megabytes=int(told["kilobytes"]) // 1024)


def _timed(command: list[str]) -> float:
    began = time.perf_counter()
    _output(command)
    return time.perf_counter() - began


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


main(sys.argv[1:])
