"""`make bench`: how long the hot paths take on a large tailnet, beside their budgets. It measures, and fails nothing.

Each measurement runs in a process of its own, as a user's command does, so that times include imports and memory is its own.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

CLUSTERS, EXPOSURES, GRANTS, USERS = 100, 100, 5000, 200
AT = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What a measurement may take, in seconds and in megabytes; None where there is no budget of its own."""

    name: str
    seconds: float | None
    megabytes: int | None = None


BUDGETS = {
    "help": Budget(name="tailstack --help", seconds=0.2),
    "check": Budget(name="check: load, resolve, compile, all rules", seconds=3.0, megabytes=500),
}


def large_environment() -> dict[str, str]:
    """100 clusters of 100 exposures, 10 links each, 200 users in 50 groups, 5,000 access entries, one file per cluster."""
    groups = "".join(
        f"  group:g{g}: [{', '.join(f'user{(g * 7 + u) % USERS}@example.com' for u in range(8))}]\n" for g in range(50)
    )
    head = 'tailnet: {dnsName: large.ts.net}\ndefaults: {operator: {chart: {version: "1.102.3"}}}\ngroups:\n'
    files = {"stacks/large/tailnet.yaml": head + groups}
    for c in range(CLUSTERS):
        lines = [f"clusters:\n  c{c}:\n    kubernetes: {{context: c{c}}}\n    expose:\n"]
        lines += [
            f"      s{s}: {{namespace: default, ports: [tcp:80], selector: {{app: s{s}}}}}\n" for s in range(EXPOSURES)
        ]
        lines += ["    egress:\n"]
        lines += [
            f"      e{e}: {{namespace: default, to: {{exposure: c{(c + 1) % CLUSTERS}.s{e}}}}}\n" for e in range(10)
        ]
        files[f"stacks/large/c{c}.yaml"] = "".join(lines)
    files["stacks/large/access.yaml"] = "access:\n" + "".join(
        f"  - {{name: a{g}, from: [group:g{g % 50}], to: [{{exposure: c{g % CLUSTERS}.s{g // CLUSTERS % EXPOSURES}}}]}}\n"
        for g in range(GRANTS)
    )
    return files


def measure_check() -> Iterator[str]:
    """One line for each stage, in seconds."""
    from tailstack.access.compile import compile_policy  # noqa: PLC0415 -- imports are part of what is measured
    from tailstack.rules.check import check_tailnet  # noqa: PLC0415 -- as above
    from tailstack.topology.loading import resolve_files  # noqa: PLC0415 -- as above

    files = large_environment()
    began = time.perf_counter()
    tailnet = resolve_files(files, "large", AT)
    loaded = time.perf_counter()
    policy = compile_policy(tailnet)
    compiled = time.perf_counter()
    checked = check_tailnet(tailnet)
    done = time.perf_counter()
    yield f"load and resolve {len(tailnet.exposures):,} exposures, {len(tailnet.egresses):,} links: {loaded - began:.2f} s"
    yield f"compile a policy of {len(policy.text) // 1024} KB: {compiled - loaded:.2f} s"
    yield f"compile again and apply every rule: {done - compiled:.2f} s, {len(checked.findings)} findings"
    yield f"total {done - began - (compiled - loaded):.2f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}"


MEASUREMENTS: dict[str, Callable[[], Iterator[str]]] = {"check": measure_check}


def main() -> None:
    if len(sys.argv) > 1:
        for line in MEASUREMENTS[sys.argv[1]]():
            print(line)
        return
    print(f"{CLUSTERS} clusters of {EXPOSURES} exposures, {GRANTS:,} access entries, {USERS} users\n")
    times = [_timed([sys.executable, "-m", "tailstack", "--help"]) for _ in range(10)]
    _report(BUDGETS["help"], statistics.median(times), None)
    for name in MEASUREMENTS:
        *stages, total = _output([sys.executable, "-m", "tests.bench", name]).splitlines()
        _, seconds, megabytes = total.split()
        _report(BUDGETS[name], float(seconds), int(megabytes))
        for stage in stages:
            print(f"    {stage}")


def _report(budget: Budget, seconds: float, megabytes: int | None) -> None:
    limit = f" (budget {budget.seconds} s)" if budget.seconds else ""
    memory = f", {megabytes} MB" if megabytes else ""
    memory_limit = f" (budget {budget.megabytes} MB)" if budget.megabytes else ""
    print(f"{budget.name}: {seconds:.2f} s{limit}{memory}{memory_limit}")


def _timed(command: list[str]) -> float:
    began = time.perf_counter()
    _output(command)
    return time.perf_counter() - began


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


main()
