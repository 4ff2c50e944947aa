"""What the frame makes of a provider: the calls, the errors, and an orderly end."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, plugin_pb2, provider_pb2, status_pb2

from tailstack.sandbox.plugins.frame import (
    Checked,
    Diff,
    Engine,
    Failure,
    Live,
    PartialError,
    PluginError,
    ProviderService,
    Request,
    unary,
)
from tailstack.sandbox.plugins.values import UNKNOWN, Change, Properties, Secret, to_struct
from tests.sandbox.plugins.stacks import alive, until


@dataclass
class Recorder:
    """A provider that notes what it is asked, and answers with what the test wants."""

    asked: list[Any] = field(default_factory=list[Any])
    answer: Any = None

    def _note(self, asked: object) -> Any:  # noqa: ANN401  whatever the test wants
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def check_config(self, config: Properties) -> Sequence[Failure]:
        return self._note(config)

    def replaces_on(self, old: Properties, new: Properties) -> frozenset[str]:
        return self._note((old, new))

    def configure(self, config: Properties) -> None:
        self._note(config)

    def check(self, request: Request) -> Checked:
        return self._note(request)

    def diff(self, request: Request) -> Diff:
        return self._note(request)

    def create(self, request: Request) -> Live:
        return self._note(request)

    def read(self, request: Request) -> Live | None:
        return self._note(request)

    def update(self, request: Request) -> Properties:
        return self._note(request)

    def delete(self, request: Request) -> None:
        self._note(request)

    def invoke(self, token: str, arguments: Properties) -> Properties:
        return self._note((token, arguments))


@dataclass
class Served:
    channel: grpc.Channel
    engine: Engine
    recorder: Recorder

    def call(self, method: str, request: Any, response: Any) -> Any:  # noqa: ANN401  each call has its own messages
        def written(message: Any) -> bytes:  # noqa: ANN401  each call has its own messages
            return message.SerializeToString()

        path = f"/pulumirpc.ResourceProvider/{method}"
        stub = self.channel.unary_unary(path, request_serializer=written, response_deserializer=response.FromString)
        return stub(request)

    def asked(self) -> Any:  # noqa: ANN401  whatever the provider was asked last
        return self.recorder.asked[-1]


@pytest.fixture
def served() -> Generator[Served]:
    engine, recorder = Engine("127.0.0.1:1"), Recorder()
    service = ProviderService("tailscale", distribution="pulumi-tailscale", engine=engine, provider=recorder)
    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.method_handlers_generic_handler("pulumirpc.ResourceProvider", service.methods())
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Served(channel, engine, recorder)
    server.stop(None).wait()


INPUTS = to_struct({"a": 1, "list": ["x", UNKNOWN]})


def test_each_call_reaches_the_provider_with_what_it_carries(served: Served) -> None:
    common: dict[str, Any] = {"urn": "urn:x", "name": "x", "type": "a:b:C"}
    served.recorder.answer = Checked(inputs={"a": 2}, failures=(Failure(property="a", reason="too small"),))
    checked = served.call(
        "Check",
        provider_pb2.CheckRequest(**common, news=INPUTS, olds=to_struct({"a": 0}), randomSeed=b"seed"),
        provider_pb2.CheckResponse,
    )
    assert served.asked() == Request(
        **common, inputs={"a": 1, "list": ["x", UNKNOWN]}, old_inputs={"a": 0}, seed=b"seed"
    )
    assert checked.inputs == to_struct({"a": 2})
    assert [(failure.property, failure.reason) for failure in checked.failures] == [("a", "too small")]

    served.recorder.answer = Live(id="7", outputs={"key": Secret("k")})
    created = served.call(
        "Create",
        provider_pb2.CreateRequest(**common, properties=INPUTS, preview=True, timeout=5),
        provider_pb2.CreateResponse,
    )
    assert served.asked() == Request(**common, inputs={"a": 1, "list": ["x", UNKNOWN]}, preview=True, timeout=5)
    assert created.id == "7"
    assert created.properties == to_struct({"key": Secret("k")})

    served.recorder.answer = Live(id="7", outputs={"b": 1}, inputs={"a": 1})
    read = provider_pb2.ReadRequest(**common, id="7", inputs=to_struct({"a": 3}), properties=to_struct({"b": 2}))
    found = served.call("Read", read, provider_pb2.ReadResponse)
    assert served.asked() == Request(**common, id="7", inputs={"a": 3}, state={"b": 2})
    assert (found.id, found.properties, found.inputs) == ("7", to_struct({"b": 1}), to_struct({"a": 1}))
    served.recorder.answer = None
    assert served.call("Read", read, provider_pb2.ReadResponse).id == ""

    served.recorder.answer = {"b": 3}
    update = provider_pb2.UpdateRequest(
        **common, id="7", olds=to_struct({"b": 2}), news=INPUTS, old_inputs=to_struct({"a": 0}), ignoreChanges=["a"]
    )
    assert served.call("Update", update, provider_pb2.UpdateResponse).properties == to_struct({"b": 3})
    assert served.asked() == Request(
        **common,
        id="7",
        inputs={"a": 1, "list": ["x", UNKNOWN]},
        old_inputs={"a": 0},
        state={"b": 2},
        ignore_changes=("a",),
    )

    delete = provider_pb2.DeleteRequest(**common, id="7", properties=to_struct({"b": 2}), old_inputs=INPUTS, timeout=9)
    served.call("Delete", delete, empty_pb2.Empty)
    assert (served.asked().state, served.asked().timeout) == ({"b": 2}, 9)

    served.recorder.answer = {"found": True}
    invoked = served.call(
        "Invoke", provider_pb2.InvokeRequest(tok="a:b:c", args=to_struct({"x": 1})), provider_pb2.InvokeResponse
    )
    assert served.asked() == ("a:b:c", {"x": 1})
    assert getattr(invoked, "return") == to_struct({"found": True})


def test_a_diff_says_what_is_updated_and_what_replaces(served: Served) -> None:
    served.recorder.answer = Diff(
        changes={"spec.a": Change.ADD, "spec.b[0]": Change.DELETE, "name": Change.UPDATE},
        replaces=frozenset({"name"}),
        delete_before_replace=True,
        stables=("id",),
    )
    response = served.call("Diff", provider_pb2.DiffRequest(id="7"), provider_pb2.DiffResponse)
    kinds = {path: (each.kind, each.inputDiff) for path, each in response.detailedDiff.items()}
    assert kinds == {
        "spec.a": (provider_pb2.PropertyDiff.ADD, True),
        "spec.b[0]": (provider_pb2.PropertyDiff.DELETE, True),
        "name": (provider_pb2.PropertyDiff.UPDATE_REPLACE, True),
    }
    assert response.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert (list(response.diffs), list(response.replaces)) == (["name", "spec"], ["name"])
    assert (list(response.stables), response.deleteBeforeReplace, response.hasDetailedDiff) == (["id"], True, True)
    served.recorder.answer = Diff()
    response = served.call("Diff", provider_pb2.DiffRequest(id="7"), provider_pb2.DiffResponse)
    assert response.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_the_providers_own_inputs_keep_their_secrets_and_replace_what_they_must(served: Served) -> None:
    news = to_struct({"apiKey": Secret("k"), "context": "blue"})
    served.recorder.answer = (Failure(property="context", reason="unknown"),)
    checked = served.call("CheckConfig", provider_pb2.CheckRequest(news=news), provider_pb2.CheckResponse)
    assert checked.inputs == news
    assert served.asked() == {"apiKey": "k", "context": "blue"}
    assert checked.failures[0].reason == "unknown"

    served.recorder.answer = frozenset({"context"})
    request = provider_pb2.DiffRequest(old_inputs=to_struct({"context": "green", "apiKey": "x"}), news=news)
    response = served.call("DiffConfig", request, provider_pb2.DiffResponse)
    assert (list(response.diffs), list(response.replaces)) == (["apiKey", "context"], ["context"])
    unknown = to_struct({"context": UNKNOWN})
    request = provider_pb2.DiffRequest(old_inputs=to_struct({"context": "green"}), news=unknown)
    assert not served.call("DiffConfig", request, provider_pb2.DiffResponse).replaces

    served.recorder.answer = None
    configured = served.call("Configure", provider_pb2.ConfigureRequest(args=news), provider_pb2.ConfigureResponse)
    assert served.asked() == {"apiKey": "k", "context": "blue"}
    assert configured.supportsPreview
    assert not configured.acceptSecrets


def test_errors_are_one_line_and_a_bug_is_no_traceback_for_the_user(
    served: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    request = provider_pb2.CreateRequest(urn="urn:x")
    served.recorder.answer = PluginError("no such tailnet")
    with pytest.raises(grpc.RpcError) as raised:
        served.call("Create", request, provider_pb2.CreateResponse)
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNKNOWN, "no such tailnet")
    assert capfd.readouterr().err == ""

    served.recorder.answer = KeyError("spec")
    with pytest.raises(grpc.RpcError) as raised:
        served.call("Create", request, provider_pb2.CreateResponse)
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert raised.value.details() == "the stand-in plugin failed: KeyError: 'spec'"
    assert "Traceback" in capfd.readouterr().err


def test_an_object_that_is_there_but_not_ready_is_handed_over_with_the_error(served: Served) -> None:
    served.recorder.answer = PartialError(
        id="7", outputs={"a": 1}, inputs={"b": 2}, reasons=["no address", "no endpoint"]
    )
    with pytest.raises(grpc.RpcError) as raised:
        served.call("Create", provider_pb2.CreateRequest(urn="urn:x"), provider_pb2.CreateResponse)
    metadata: Any = raised.value.trailing_metadata()
    details: bytes = dict(metadata)["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(details)
    failed = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(failed)
    assert (failed.id, list(failed.reasons)) == ("7", ["no address", "no endpoint"])
    assert (failed.properties, failed.inputs) == (to_struct({"a": 1}), to_struct({"b": 2}))


def test_cancel_is_passed_on(served: Served) -> None:
    assert not served.engine.cancelled.is_set()
    served.call("Cancel", empty_pb2.Empty(), empty_pb2.Empty)
    assert served.engine.cancelled.is_set()


def test_it_says_who_it_is(served: Served) -> None:
    version = importlib.metadata.version("pulumi-tailscale")
    assert served.call("GetPluginInfo", empty_pb2.Empty(), plugin_pb2.PluginInfo).version == version
    schema = served.call("GetSchema", provider_pb2.GetSchemaRequest(), provider_pb2.GetSchemaResponse).schema
    assert json.loads(schema) == {"name": "tailscale", "version": version}


def test_remarks_reach_the_engine_and_an_engine_that_is_gone_is_no_error() -> None:
    heard: list[engine_pb2.LogRequest] = []

    def log(request: engine_pb2.LogRequest) -> empty_pb2.Empty:
        heard.append(request)
        return empty_pb2.Empty()

    server = grpc.server(ThreadPoolExecutor(1))
    handler = grpc.method_handlers_generic_handler("pulumirpc.Engine", {"Log": unary(engine_pb2.LogRequest, log)})
    server.add_generic_rpc_handlers((handler,))
    engine = Engine(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    engine.warn("deprecated", urn="urn:x")
    engine.status("waiting for endpoints", urn="urn:x")
    server.stop(None).wait()
    engine.warn("nobody listens")
    assert [(each.message, each.urn, each.ephemeral) for each in heard] == [
        ("deprecated", "urn:x", False),
        ("waiting for endpoints", "urn:x", True),
    ]
    assert heard[0].severity == engine_pb2.WARNING


def plugin(name: str) -> subprocess.Popen[str]:
    """A plugin as the engine starts it: a process group of its own, and the engine's end of a pipe as its stdin."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", f"tailstack.sandbox.plugins.{name}", "-v=9", "127.0.0.1:1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert process.stdout is not None
    assert int(process.stdout.readline()) > 0
    return process


@pytest.mark.parametrize("name", ["language", "tailscale"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_plugin_leaves_quietly_when_the_engine_ends_it(name: str, number: signal.Signals) -> None:
    process = plugin(name)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("name", ["language", "tailscale"])
def test_a_plugin_ends_with_the_engines_end_of_the_pipe(name: str) -> None:
    process = plugin(name)
    assert process.stdin is not None
    process.stdin.close()
    until(lambda: alive([process.pid]) == [], seconds=10)
    process.stdin = None
    assert process.communicate() == ("", "")


def test_a_plugin_without_a_pipe_ends_with_its_parent() -> None:
    command = f"{sys.executable} -P -m tailstack.sandbox.plugins.tailscale 127.0.0.1:1"
    parent = subprocess.Popen(
        ["/bin/sh", "-c", f"{command} </dev/null & echo $!; wait"], stdout=subprocess.PIPE, text=True, process_group=0
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert int(parent.stdout.readline()) > 0
    parent.kill()
    until(lambda: alive([pid]) == [], seconds=10)
    parent.communicate()
