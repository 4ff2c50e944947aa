"""The calls of `pulumirpc.LanguageRuntime` that the engine makes for a Python program, and for a Python policy pack.

What each must do was read in the engine (`resource/plugin/langruntime_plugin.go`, `plugin.go`) and in what the SDK's
Go module ships of the official host (`python/cmd/pulumi-language-python-exec`, `python/toolchain`), both 3.250.0.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Final

import grpc
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import language_pb2, plugin_pb2

from tailstack.sandbox.plugins.frame import PluginError, streaming, unary
from tailstack.sandbox.plugins.language.environment import Environment, resolve
from tailstack.sandbox.plugins.values import from_struct

_CHILD: Final = str(Path(__file__).with_name("child.py"))
_SHOWN: Final = 32  # `child.SHOWN`, which this process does not import


class LanguageHost:
    """Starts programs and policy packs, and ends them when the engine cancels."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._children = set[subprocess.Popen[bytes]]()
        self._cancelled = False

    def methods(self) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        """What `frame.serve_service` serves."""
        return {
            "Handshake": unary(language_pb2.LanguageHandshakeRequest, self._handshake),
            "GetPluginInfo": unary(empty_pb2.Empty, self._plugin_info),
            "GetRequiredPackages": unary(language_pb2.GetRequiredPackagesRequest, self._required_packages),
            "InstallDependencies": streaming(language_pb2.InstallDependenciesRequest, self._install_dependencies),
            "RuntimeOptionsPrompts": unary(language_pb2.RuntimeOptionsRequest, self._runtime_options),
            "About": unary(language_pb2.AboutRequest, self._about),
            "GetProgramDependencies": unary(language_pb2.GetProgramDependenciesRequest, self._program_dependencies),
            "Run": unary(language_pb2.RunRequest, self._run),
            "RunPlugin": streaming(language_pb2.RunPluginRequest, self._run_plugin),
            "Cancel": unary(empty_pb2.Empty, self._cancel),
        }

    def _handshake(self, request: language_pb2.LanguageHandshakeRequest) -> Message:
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def _plugin_info(self, _: empty_pb2.Empty) -> Message:
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def _required_packages(self, request: language_pb2.GetRequiredPackagesRequest) -> Message:
        return language_pb2.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(
                    name=package.name, kind="resource", version=package.version, server=package.server
                )
                for package in _environment(request.info).packages()
            ]
        )

    def _install_dependencies(
        self, request: language_pb2.InstallDependenciesRequest, _: grpc.ServicerContext
    ) -> Iterator[Message]:
        _environment(request.info)  # the sandbox has its dependencies, or says what is missing; nothing is downloaded
        yield from ()

    def _runtime_options(self, _: language_pb2.RuntimeOptionsRequest) -> Message:
        return language_pb2.RuntimeOptionsResponse()

    def _about(self, request: language_pb2.AboutRequest) -> Message:
        environment = _environment(request.info)
        version = subprocess.run(
            [environment.python, "-c", "import platform; print(platform.python_version())"],
            check=True,
            capture_output=True,
            text=True,
            env=environment.variables(os.environ),
        ).stdout.strip()
        return language_pb2.AboutResponse(
            executable=str(environment.python), version=version, metadata={"host": "tailstack stand-in"}
        )

    def _program_dependencies(self, request: language_pb2.GetProgramDependenciesRequest) -> Message:
        installed = _environment(request.info).dependencies(transitive=request.transitiveDependencies)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in installed]
        )

    def _run(self, request: language_pb2.RunRequest) -> Message:
        environment = _environment(request.info)
        settings = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
        }
        program = {"program": request.info.entry_point, "args": [*request.args], "settings": settings}
        variables = environment.variables(os.environ)
        variables["PULUMI_CONFIG"] = json.dumps(dict(request.config))
        variables["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps([*request.configSecretKeys])
        child = self._start(
            environment,
            ["program", json.dumps(program)],
            folder=request.info.program_directory,
            variables=variables,
            piped=False,
        )
        code = child.wait()
        self._forget(child)
        if code == _SHOWN or (code != 0 and self._cancelled):
            return language_pb2.RunResponse(bail=True)
        if code < 0:
            return language_pb2.RunResponse(error=f"Program was ended by {signal.Signals(-code).name}")
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}" if code else "")

    def _run_plugin(self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext) -> Iterator[Message]:
        if request.kind != "analyzer":
            raise PluginError(
                f"the stand-in language host runs programs and policy packs, not plugins of kind {request.kind!r}"
            )
        environment = _environment(request.info)
        child = self._start(
            environment,
            ["pack", self._engine, request.info.program_directory],
            folder=request.pwd,
            variables=environment.variables(dict(pair.split("=", 1) for pair in request.env)),
            piped=True,
        )
        if not context.add_callback(child.terminate):
            child.terminate()  # the call had been cancelled before
        assert child.stdout is not None  # noqa: S101  piped
        assert child.stderr is not None  # noqa: S101  piped
        answers = SimpleQueue[language_pb2.RunPluginResponse | None]()
        for stream, name in ((child.stdout, "stdout"), (child.stderr, "stderr")):
            threading.Thread(target=_pump, args=(stream, name, answers), daemon=True).start()
        open_streams = 2
        while open_streams:
            answer = answers.get()
            if answer is None:
                open_streams -= 1
            else:
                yield answer
        code = child.wait()
        self._forget(child)
        yield language_pb2.RunPluginResponse(exitcode=code)

    def _cancel(self, _: empty_pb2.Empty) -> Message:
        with self._lock:
            self._cancelled = True
            for child in self._children:
                child.terminate()
        return empty_pb2.Empty()

    def _start(
        self, environment: Environment, arguments: Sequence[str], *, folder: str, variables: dict[str, str], piped: bool
    ) -> subprocess.Popen[bytes]:
        """A child of the host's own process group; a program writes where the host writes, which the engine shows."""
        with self._lock:
            if self._cancelled:
                raise PluginError("the engine has cancelled")
            child = subprocess.Popen(
                [environment.python, "-u", _CHILD, *arguments],
                cwd=folder,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if piped else None,
                stderr=subprocess.PIPE if piped else None,
            )
            self._children.add(child)
        return child

    def _forget(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._children.discard(child)
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()


def _environment(info: language_pb2.ProgramInfo) -> Environment:
    return resolve(Path(info.root_directory), from_struct(info.options))


def _pump(stream: IO[bytes], name: str, answers: SimpleQueue[language_pb2.RunPluginResponse | None]) -> None:
    while chunk := os.read(stream.fileno(), 65536):
        answers.put(
            language_pb2.RunPluginResponse(stdout=chunk)
            if name == "stdout"
            else language_pb2.RunPluginResponse(stderr=chunk)
        )
    answers.put(None)
