"""Started in place of Python: hands its arguments, its environment and its streams to the server, and ends as the fork ends.

Imports little: it is started without `site`, a hundred times in a run of the tests.
"""

import _socket
import marshal
import posix
import signal
import sys

# What changes how Python starts would be too late for a fork.
_COLD = (b"PYTHONPATH", b"PYTHONHOME", b"PYTHONSTARTUP", b"PYTHONWARNINGS")


def _is_warm(arguments: list[str], link: _socket.socket, address: str) -> bool:
    if "-c" in arguments or any(name in posix.environ for name in _COLD):
        return False
    try:
        link.connect(address)
    except OSError:
        return False
    return True


def _main(address: str, python: str, *arguments: str) -> int:
    link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    if not _is_warm([*arguments], link, address):
        posix.execve(python, [python, *arguments], posix.environ)
    server = int.from_bytes(link.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 4), sys.byteorder)
    can_join = posix.getsid(server) == posix.getsid(0)
    asked = marshal.dumps((list(arguments), dict(posix.environ), posix.getcwd(), posix.getpgrp() if can_join else 0))
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    link.sendmsg([len(asked).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
    link.sendall(asked)
    signal.signal(signal.SIGTERM, lambda number, _: link.sendall(bytes([number])))
    # Whoever interrupts the process group has interrupted the fork as well, if that could join it.
    signal.signal(signal.SIGINT, signal.SIG_IGN if can_join else lambda number, _: link.sendall(bytes([number])))
    code = int.from_bytes(link.recv(4), "big", signed=True)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        posix.kill(posix.getpid(), -code)
    return code


sys.exit(_main(*sys.argv[1:]))
