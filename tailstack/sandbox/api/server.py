"""The stand-in's sockets: HTTP/1.1 on loopback, a thread per connection."""

from __future__ import annotations

import select
import socket
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, Any

from tailstack.sandbox.api.answers import Answer, RefusedError
from tailstack.sandbox.api.application import Application, Request
from tailstack.sandbox.api.credentials import masked
from tailstack.sandbox.api.faults import Silence

_LOOPBACK = "127.0.0.1"
_LARGEST_BODY = 16 * 1024 * 1024
# For how long a fault holds a connection open; clients give up long before (the Go client after 60 s).
_PATIENCE_SECONDS = 300


class _BadRequestError(Exception):
    """The bytes are not a request that can be answered."""


class Server(ThreadingHTTPServer):
    """Listens on a port of loopback, 0 for any free one; one line per request goes to `log`."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, application: Application, *, port: int = 0, log: IO[str] | None = None) -> None:
        self.application = application
        self.stopping = threading.Event()
        self._log = sys.stderr if log is None else log
        super().__init__((_LOOPBACK, port), _Handler)

    @property
    def url(self) -> str:
        """Where the server can be reached."""
        return f"http://{_LOOPBACK}:{self.server_address[1]}"

    def server_bind(self) -> None:
        # HTTPServer.server_bind looks the host's name up, which can take seconds on a machine without a resolver.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def note(self, line: str) -> None:
        """One line for the log, without secrets."""
        self._log.write(masked(line) + "\n")
        self._log.flush()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 -- as the base class has it
        """A client that went away is nobody's error; what else goes wrong is logged by the base class."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(
    application: Application, *, port: int = 0, log: IO[str] | None = None, poll_seconds: float = 0.1
) -> Generator[Server]:
    """A server that answers in a thread of its own until the block ends, which takes up to `poll_seconds`."""
    with Server(application, port=port, log=log) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": poll_seconds}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride] -- no other server makes this handler

    def do_GET(self) -> None:
        """As the other methods."""
        self._answer()

    def do_HEAD(self) -> None:
        """As the other methods."""
        self._answer()

    def do_POST(self) -> None:
        """As the other methods."""
        self._answer()

    def do_PUT(self) -> None:
        """As the other methods."""
        self._answer()

    def do_PATCH(self) -> None:
        """As the other methods."""
        self._answer()

    def do_DELETE(self) -> None:
        """As the other methods."""
        self._answer()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses by itself, in the API's form: requests it cannot parse, unknown methods."""
        self.close_connection = True
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else code
        self._send(RefusedError(status, message or explain or "").answer())

    def _answer(self) -> None:
        started = time.monotonic()
        try:
            body = self._body()
        except _BadRequestError as error:
            self.close_connection = True
            self._send(RefusedError(HTTPStatus.BAD_REQUEST, str(error)).answer())
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        application = self.server.application
        outcome = application.respond(Request(method=self.command, target=self.path, headers=headers, body=body))
        if self.path.startswith("/api/"):
            self.server.stopping.wait(application.latency_milliseconds / 1000)
        said = outcome.status if isinstance(outcome, Answer) else outcome
        path = self.path.partition("?")[0]
        # Before the answer goes out: who has the answer finds the line in the log.
        self.server.note(f"{self.command} {path} {said} {(time.monotonic() - started) * 1000:.0f}ms")
        if isinstance(outcome, Silence):
            self._keep_silent(outcome)
        else:
            self._send(outcome)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 -- as the base class has it
        """Only what the base class itself refuses comes here."""
        self.server.note(format % args)

    def _send(self, answer: Answer) -> None:
        reason = HTTPStatus(answer.status).phrase
        lines = [
            f"{self.protocol_version} {answer.status} {reason}",
            f"Date: {self.date_time_string()}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
            *(["Connection: close"] if self.close_connection else []),
        ]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        # One write: head and body in two packets would wait for each other's acknowledgement.
        self.wfile.write(head if self.command == "HEAD" else head + answer.body)

    def _keep_silent(self, how: Silence) -> None:
        self.close_connection = True
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while how is Silence.TIMEOUT and time.monotonic() < deadline and not self.server.stopping.wait(0.05):
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            raise _BadRequestError("the length of the body is wrong or too large")
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            try:
                size = int(self.rfile.readline(32).split(b";")[0], 16)
            except ValueError:
                raise _BadRequestError("the chunks of the body are malformed") from None
            if len(body) + size > _LARGEST_BODY:
                raise _BadRequestError("the body is too large")
            body += self.rfile.read(size)
            self.rfile.readline(32)
            if size == 0:
                return bytes(body)
