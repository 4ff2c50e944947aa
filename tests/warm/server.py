"""The process that is forked: it has imported the SDKs, waits for launchers, and has no thread of its own.

For each launcher it forks twice: the first fork keeps watch for the launcher, the second becomes what was asked for.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import marshal
import os
import runpy
import select
import signal
import socket
import sys
from pathlib import Path

IMPORTED = (
    "pulumi.policy",
    "pulumi_kubernetes.apiextensions",
    "pulumi_tailscale",
    "components",
    "tailstack.commands.drift",
    "tailstack.commands.preview",
    "tailstack.commands.up",
    "tailstack.commands.verify",
    "tailstack.sandbox.plugins.kubernetes.provider",
    "tailstack.sandbox.plugins.language.host",
    "tailstack.sandbox.plugins.tailscale",
)

Asked = tuple[list[str], dict[bytes, bytes], str, int]
"""Arguments, environment, working directory, and process group (0: one of its own)."""


def serve(address: str) -> Asked | None:
    """Returns what to become in each second fork, and None in the process itself once nobody holds its standard input."""
    for name in IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    while True:
        readable, _, _ = select.select([listener, 0], [], [])
        if 0 in readable:
            return None
        link, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return keep_watch(link)
        link.close()


def keep_watch(link: socket.socket) -> Asked:
    """Returns in the second fork; the first ends when that has ended, or kills it when the launcher is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(link, 4, 3)
    size = int.from_bytes(head, "big")
    asked: Asked = marshal.loads(link.recv(size, socket.MSG_WAITALL))  # noqa: S302  from a launcher of the same tests
    # Closed when the second fork has ended; no process that it starts inherits its end.
    ended, until_the_end = os.pipe()
    child = os.fork()
    if child == 0:
        link.close()
        os.close(ended)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        return asked
    for descriptor in (until_the_end, *streams, 0, 1, 2):
        os.close(descriptor)
    while ended not in select.select([link, ended], [], [])[0]:
        signals = link.recv(16)
        for number in signals or (signal.SIGKILL,):
            os.kill(child, number)
        if not signals:
            break
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):  # the launcher is gone
        link.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
    os._exit(0)


def become(arguments: list[str], environment: dict[bytes, bytes], folder: str, group: int) -> None:
    """Do what Python does with these arguments: `[-u] [-P] -m module …` or `[-u] [-P] file …`."""
    with contextlib.suppress(OSError):  # the launcher is gone, and its group with it
        os.setpgid(0, group)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update({os.fsdecode(name): os.fsdecode(value) for name, value in environment.items()})
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = [argument for argument in arguments[:2] if argument in ("-u", "-P")]
    what = arguments[len(options) :]
    is_module = what[0] == "-m"
    sys.argv = what[1:] if is_module else what
    if "-P" not in options:
        sys.path.insert(0, folder if is_module else str(Path(what[0]).parent))
    if is_module:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    asked = serve(sys.argv[1])
    if asked is not None:
        become(*asked)
