"""What a stand-in resource provider needs besides its resources: the gRPC service, errors, an orderly end.

A provider implements `Provider` in plain Python (`values`) and is served by `serve`:

    leave_out_sdk()          # slim.py, first thing in the plugin's __main__, before this module is imported
    serve("tailscale", distribution="pulumi-tailscale", make=TailscaleProvider)

`make` is called once with the `Engine`. Calls come on many threads at once. Everything here follows
`resource/plugin/provider_plugin.go` and `plugin.go` of the engine, 3.250.0.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import stat
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final, NoReturn, Protocol

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import engine_pb2, plugin_pb2, provider_pb2, status_pb2

from tailstack.sandbox.plugins.values import Change, Properties, from_struct, has_unknown, to_struct
from tailstack.sandbox.plugins.values import differences as find_differences

# The engine's own limit for a message (`rpcutil.MaxRPCMessageSize`), in bytes.
CHANNEL_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
)
# Threads are made as they are needed. More than an engine runs resources side by side, so that Cancel never queues.
_THREADS: Final = 256
_WATCH_SECONDS: Final = 0.5


class PluginError(Exception):
    """A failure whose text is shown to the user as it is."""


class PartialError(PluginError):
    """The object exists in the cluster or the service but did not become ready: the engine keeps it and reports."""

    def __init__(self, *, id: str, outputs: Properties, inputs: Properties, reasons: Sequence[str]) -> None:  # noqa: A002  the protocol's word
        super().__init__("; ".join(reasons))
        self.id = id
        self.outputs = outputs
        self.inputs = inputs
        self.reasons = tuple(reasons)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call about one resource. What a call does not carry is empty."""

    urn: str
    type: str
    """The type token, `tailscale:index/acl:Acl`."""
    name: str
    """The logical name, the last part of the URN."""
    id: str = ""
    inputs: Properties = field(default_factory=dict[str, Any])
    """What is wanted: check, diff, create, update. In read and delete the inputs of the state (none on an import)."""
    old_inputs: Properties = field(default_factory=dict[str, Any])
    """The inputs of the state: check, diff, update."""
    state: Properties = field(default_factory=dict[str, Any])
    """The outputs of the state: diff, update, read, delete."""
    ignore_changes: tuple[str, ...] = ()
    """Property paths: diff, update. The engine has put the old inputs in their place already."""
    preview: bool = False
    """create, update: say what would be, touch nothing. Only then UNKNOWN can be among the inputs."""
    timeout: float = 0.0
    """Seconds, from the resource's customTimeouts; 0 where it has none."""
    seed: bytes = b""
    """check: what a generated name must be made from, so that a preview and its update agree."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """An input that is wrong; `property` is its name, or empty for the whole resource."""

    property: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """The inputs as they go into the state, with defaults; or what is wrong with them."""

    inputs: Properties
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Diff:
    """What an update would do. No changes: the resource stays as it is."""

    changes: Mapping[str, Change] = field(default_factory=dict[str, Change])
    """Property paths between the old and the new inputs, as `values.differences` gives them."""
    replaces: frozenset[str] = frozenset()
    """Those paths of `changes` that cannot be updated in place."""
    delete_before_replace: bool = False
    stables: tuple[str, ...] = ()
    """Outputs that an update certainly leaves as they are: a preview knows them."""
    between_inputs: bool = True
    """False where `changes` is between the state's outputs and the new inputs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """A resource as it is now. `inputs` is what a program would have to say to get it."""

    id: str
    outputs: Properties
    inputs: Properties = field(default_factory=dict[str, Any])


class Provider(Protocol):
    """What a stand-in provider implements. Each method may raise PluginError."""

    def check_config(self, config: Properties) -> Sequence[Failure]:
        """What is wrong with the provider's own inputs. Values may be UNKNOWN; those that are no strings are JSON."""
        ...

    def replaces_on(self, old: Properties, new: Properties) -> frozenset[str]:
        """Names among the provider's inputs whose change replaces every resource of it."""
        ...

    def configure(self, config: Properties) -> None:
        """Take the provider's inputs, all known. Called once, before everything but the two above."""
        ...

    def check(self, request: Request) -> Checked: ...

    def diff(self, request: Request) -> Diff: ...

    def create(self, request: Request) -> Live:
        """Make it, and give its id and outputs; in a preview the id may be empty. May raise PartialError."""
        ...

    def read(self, request: Request) -> Live | None:
        """What is there, or None where nothing is. `request.state` is empty on an import. May raise PartialError."""
        ...

    def update(self, request: Request) -> Properties:
        """Change it in place, and give its outputs. May raise PartialError."""
        ...

    def delete(self, request: Request) -> None:
        """Remove it; what is gone already is no error."""
        ...

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """Answer a function of the schema, `tailscale:index/getAcl:getAcl`."""
        ...


class Engine:
    """The engine that started this plugin."""

    def __init__(self, address: str) -> None:
        self.cancelled = threading.Event()
        """Set when the user interrupts: whatever waits must give up soon, with PluginError or PartialError."""
        self._address = address
        self._lock = threading.Lock()
        self._log: Callable[[engine_pb2.LogRequest], object] | None = None

    def warn(self, message: str, *, urn: str = "") -> None:
        """A warning beside the resource `urn`, kept in the final report."""
        self._send(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=message, urn=urn))

    def status(self, message: str, *, urn: str) -> None:
        """A passing remark in the progress display, such as what is being waited for."""
        self._send(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message, urn=urn, ephemeral=True))

    def _send(self, request: engine_pb2.LogRequest) -> None:
        with self._lock:
            if self._log is None:
                channel = grpc.insecure_channel(self._address, options=CHANNEL_OPTIONS)
                self._log = channel.unary_unary(
                    "/pulumirpc.Engine/Log",
                    request_serializer=engine_pb2.LogRequest.SerializeToString,
                    response_deserializer=empty_pb2.Empty.FromString,
                )
        try:
            self._log(request)
        except grpc.RpcError:
            return  # an engine that no longer listens is about to end this process


def serve(name: str, *, distribution: str, make: Callable[[Engine], Provider]) -> NoReturn:
    """Serve the provider `name` to the engine that started this process, until the engine goes.

    `distribution` is the Python package of the SDK whose version the plugin takes.
    """
    engine = Engine(engine_address())
    service = ProviderService(name, distribution=distribution, engine=engine, provider=make(engine))
    serve_service("pulumirpc.ResourceProvider", service.methods())


def engine_address() -> str:
    """The address of the engine that started this plugin: its last argument, after flags about logging."""
    return sys.argv[-1]


def serve_service(name: str, methods: Mapping[str, grpc.RpcMethodHandler[Any, Any]]) -> NoReturn:
    """Serve a gRPC service on loopback, print its port as the engine expects, and stay as long as the engine does.

    The engine ends a plugin with SIGINT to its process group. Where the engine is gone without having done so, the whole
    group goes too.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=CHANNEL_OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, dict(methods)),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201  the protocol: the first line of stdout is the port
    _await_end_of_engine()
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


# Read when the plugin starts: an engine that ends before anybody watches must not be taken for another parent.
_PARENT = os.getppid()


def _await_end_of_engine() -> None:
    # The engine holds the other end of this pipe for as long as it lives, and a killed process lets go of it.
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        while os.read(0, 4096):
            pass
        return
    while os.getppid() == _PARENT:
        time.sleep(_WATCH_SECONDS)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    os._exit(0)  # without the interpreter's clean-up, which would print about threads that still run


def unary(request: type[Any], handle: Callable[[Any], Message]) -> grpc.RpcMethodHandler[Any, Any]:
    """A method of a gRPC service with one request and one response. What `handle` raises becomes the call's error."""

    def answer(message: Any, context: grpc.ServicerContext) -> Message:  # noqa: ANN401  each call has its own message
        try:
            return handle(message)
        except Exception as error:  # noqa: BLE001  the engine needs an answer, and the user a line, not a traceback
            fail(error, context)

    return grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=request.FromString, response_serializer=_serialize
    )


def streaming(
    request: type[Any], handle: Callable[[Any, grpc.ServicerContext], Iterator[Message]]
) -> grpc.RpcMethodHandler[Any, Any]:
    """A method of a gRPC service with one request and a stream of responses."""

    def answer(message: Any, context: grpc.ServicerContext) -> Iterator[Message]:  # noqa: ANN401  as in unary
        try:
            yield from handle(message, context)
        except Exception as error:  # noqa: BLE001  as in unary
            fail(error, context)

    return grpc.unary_stream_rpc_method_handler(
        answer, request_deserializer=request.FromString, response_serializer=_serialize
    )


def fail(error: Exception, context: grpc.ServicerContext) -> NoReturn:
    """End a call with an error that the engine shows as one line."""
    match error:
        case PartialError():
            context.set_trailing_metadata((("grpc-status-details-bin", _details(error)),))
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        case PluginError():
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        case _:
            traceback.print_exception(error)  # the engine keeps the stderr of a plugin for its verbose log
            context.abort(grpc.StatusCode.INTERNAL, f"the stand-in plugin failed: {type(error).__name__}: {error}")


def _serialize(response: Message) -> bytes:
    return response.SerializeToString()


class ProviderService:
    """The calls of `pulumirpc.ResourceProvider`, each turned into one of `Provider`."""

    def __init__(self, name: str, *, distribution: str, engine: Engine, provider: Provider) -> None:
        self._name = name
        self._distribution = distribution
        self._engine = engine
        self._provider = provider

    def methods(self) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        calls: dict[str, tuple[type[Any], Callable[[Any], Message]]] = {
            "GetPluginInfo": (empty_pb2.Empty, self._plugin_info),
            "GetSchema": (provider_pb2.GetSchemaRequest, self._schema),
            "CheckConfig": (provider_pb2.CheckRequest, self._check_config),
            "DiffConfig": (provider_pb2.DiffRequest, self._diff_config),
            "Configure": (provider_pb2.ConfigureRequest, self._configure),
            "Check": (provider_pb2.CheckRequest, self._check),
            "Diff": (provider_pb2.DiffRequest, self._diff),
            "Create": (provider_pb2.CreateRequest, self._create),
            "Read": (provider_pb2.ReadRequest, self._read),
            "Update": (provider_pb2.UpdateRequest, self._update),
            "Delete": (provider_pb2.DeleteRequest, self._delete),
            "Invoke": (provider_pb2.InvokeRequest, self._invoke),
            "Cancel": (empty_pb2.Empty, self._cancel),
        }
        return {name: unary(request, handle) for name, (request, handle) in calls.items()}

    def _version(self) -> str:
        return importlib.metadata.version(self._distribution)

    def _plugin_info(self, _: empty_pb2.Empty) -> Message:
        return plugin_pb2.PluginInfo(version=self._version())

    def _schema(self, _: provider_pb2.GetSchemaRequest) -> Message:
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": self._name, "version": self._version()}))

    def _check_config(self, request: provider_pb2.CheckRequest) -> Message:
        failures = self._provider.check_config(from_struct(request.news))
        # Sent back as they came, so that no mark of a secret is lost.
        return provider_pb2.CheckResponse(inputs=request.news, failures=[_failure(failure) for failure in failures])

    def _diff_config(self, request: provider_pb2.DiffRequest) -> Message:
        old, new = from_struct(request.old_inputs), from_struct(request.news)
        changes = find_differences(old, new)
        replaces = self._provider.replaces_on(old, new) if changes and not has_unknown(new) else frozenset[str]()
        return _diff_response(
            Diff(changes=changes, replaces=frozenset(path for path in changes if _top(path) in replaces))
        )

    def _configure(self, request: provider_pb2.ConfigureRequest) -> Message:
        self._provider.configure(from_struct(request.args))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def _check(self, request: provider_pb2.CheckRequest) -> Message:
        checked = self._provider.check(
            Request(
                urn=request.urn,
                type=request.type,
                name=request.name,
                inputs=from_struct(request.news),
                old_inputs=from_struct(request.olds),
                seed=request.randomSeed,
            )
        )
        return provider_pb2.CheckResponse(
            inputs=to_struct(checked.inputs), failures=[_failure(failure) for failure in checked.failures]
        )

    def _diff(self, request: provider_pb2.DiffRequest) -> Message:
        return _diff_response(
            self._provider.diff(
                Request(
                    urn=request.urn,
                    type=request.type,
                    name=request.name,
                    id=request.id,
                    inputs=from_struct(request.news),
                    old_inputs=from_struct(request.old_inputs),
                    state=from_struct(request.olds),
                    ignore_changes=tuple(request.ignoreChanges),
                )
            )
        )

    def _create(self, request: provider_pb2.CreateRequest) -> Message:
        live = self._provider.create(
            Request(
                urn=request.urn,
                type=request.type,
                name=request.name,
                inputs=from_struct(request.properties),
                preview=request.preview,
                timeout=request.timeout,
            )
        )
        return provider_pb2.CreateResponse(id=live.id, properties=to_struct(live.outputs))

    def _read(self, request: provider_pb2.ReadRequest) -> Message:
        live = self._provider.read(
            Request(
                urn=request.urn,
                type=request.type,
                name=request.name,
                id=request.id,
                inputs=from_struct(request.inputs),
                state=from_struct(request.properties),
                timeout=request.timeout,
            )
        )
        if live is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=live.id, properties=to_struct(live.outputs), inputs=to_struct(live.inputs))

    def _update(self, request: provider_pb2.UpdateRequest) -> Message:
        outputs = self._provider.update(
            Request(
                urn=request.urn,
                type=request.type,
                name=request.name,
                id=request.id,
                inputs=from_struct(request.news),
                old_inputs=from_struct(request.old_inputs),
                state=from_struct(request.olds),
                ignore_changes=tuple(request.ignoreChanges),
                preview=request.preview,
                timeout=request.timeout,
            )
        )
        return provider_pb2.UpdateResponse(properties=to_struct(outputs))

    def _delete(self, request: provider_pb2.DeleteRequest) -> Message:
        self._provider.delete(
            Request(
                urn=request.urn,
                type=request.type,
                name=request.name,
                id=request.id,
                inputs=from_struct(request.old_inputs),
                state=from_struct(request.properties),
                timeout=request.timeout,
            )
        )
        return empty_pb2.Empty()

    def _invoke(self, request: provider_pb2.InvokeRequest) -> Message:
        result = self._provider.invoke(request.tok, from_struct(request.args))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(result))  # the field's name is a keyword of Python
        return response

    def _cancel(self, _: empty_pb2.Empty) -> Message:
        self._engine.cancelled.set()
        return empty_pb2.Empty()


def _details(failure: PartialError) -> bytes:
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=failure.id,
            properties=to_struct(failure.outputs),
            inputs=to_struct(failure.inputs),
            reasons=failure.reasons,
        )
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure), details=[detail])
    return status.SerializeToString()


def _failure(failure: Failure) -> provider_pb2.CheckFailure:
    return provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)


_IN_PLACE: Final = {
    Change.ADD: provider_pb2.PropertyDiff.ADD,
    Change.DELETE: provider_pb2.PropertyDiff.DELETE,
    Change.UPDATE: provider_pb2.PropertyDiff.UPDATE,
}
_REPLACING: Final = {
    Change.ADD: provider_pb2.PropertyDiff.ADD_REPLACE,
    Change.DELETE: provider_pb2.PropertyDiff.DELETE_REPLACE,
    Change.UPDATE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def _diff_response(diff: Diff) -> Message:
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if diff.changes else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted({_top(path) for path in diff.changes}),
        replaces=sorted({_top(path) for path in diff.replaces}),
        stables=diff.stables,
        deleteBeforeReplace=diff.delete_before_replace,
        detailedDiff={
            path: provider_pb2.PropertyDiff(
                kind=(_REPLACING if path in diff.replaces else _IN_PLACE)[change], inputDiff=diff.between_inputs
            )
            for path, change in diff.changes.items()
        },
        hasDetailedDiff=True,
    )


def _top(path: str) -> str:
    """The name of the property that a path begins with."""
    return path.split(".", 1)[0].split("[", 1)[0]
