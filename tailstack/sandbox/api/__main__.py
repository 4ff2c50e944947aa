"""`python -m tailstack.sandbox.api --folder F`: serves until it is told to stop by SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from tailstack.sandbox.api.application import Application
from tailstack.sandbox.api.server import Server, serving
from tailstack.sandbox.api.store import Store
from tailstack.sandbox.api.tailnet import UnwornTags
from tailstack.sandbox.failure import SandboxError


def main(arguments: list[str] | None = None) -> int:
    """Serve. Prints `{"url": …}` on one line when ready; returns the exit code."""
    options = _parser().parse_args(arguments)
    # Blocked before any thread starts, so that only `sigwait` receives them.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        return _serve(options)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(options: argparse.Namespace) -> int:
    try:
        store = Store(
            options.folder, name=options.tailnet, dns_name=options.dns_name, unworn_tags=UnwornTags(options.unworn_tags)
        )
    except (SandboxError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    try:
        with serving(Application(store), port=options.port) as server:
            _announce(server)
            signal.sigwait({signal.SIGTERM, signal.SIGINT})
    except OSError as error:
        sys.stderr.write(f"cannot listen on port {options.port}: {error}\n")
        return 1
    finally:
        store.close()
    return 0


def _announce(server: Server) -> None:
    sys.stdout.write(json.dumps({"url": server.url}) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tailstack.sandbox.api", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the state and the keys are kept")
    parser.add_argument("--port", type=int, default=0, help="a port of 127.0.0.1 (default: any free one)")
    parser.add_argument("--tailnet", default="example.com", help="the tailnet's name in paths, beside `-`")
    parser.add_argument("--dns-name", default="tail1a2b.ts.net", help="the tailnet's MagicDNS name")
    parser.add_argument(
        "--unworn-tags",
        choices=[*UnwornTags],
        default=UnwornTags.PASS,
        help="what becomes of a policy test with a tag that no device wears",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
