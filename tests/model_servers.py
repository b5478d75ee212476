"""Model servers for tests: the front in this process without Ray, and the whole of `askmask serve` in its own."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FAKES = {"detector": "agent_tools.services.fakes:FakeDetector", "segmenter": "agent_tools.services.fakes:FakeSegmenter"}
START_SECONDS = 270


def need(module: str, why: str) -> None:
    """Skip where an extra is not installed; where it has to be, as in continuous integration, fail."""
    if importlib.util.find_spec(module) is None:
        missing = f"{why} needs {module}: pip install 'askmask[serve]'"
        pytest.fail(missing) if os.environ.get("RAY_REQUIRED") else pytest.skip(missing)


class LocalModels:
    """Models behind a front, in this process; they can die, as replicas do, and come back without memory."""

    def __init__(self, **typed: str) -> None:
        self.typed = {**FAKES, **typed}
        self.hosts: dict[str, Any] = {}
        self.asked: list[tuple[str, str, bool]] = []
        self.failures: list[Any] = []
        for role in self.typed:
            self.restart(role)

    def restart(self, role: str) -> None:
        from agent_tools.services.serving.host import ModelHost

        self.hosts[role] = ModelHost(role, "demo", self.typed[role], "cpu", f"{role}-1")

    async def ask(self, role: str, question: Any, original: bytes | None) -> Any:
        self.asked.append((role, question.picture, original is not None))
        if self.failures:
            return self.failures.pop(0)
        return await asyncio.to_thread(self.hosts[role].ask, question, original)

    async def forget(self, digest: str) -> None:
        for host in self.hosts.values():
            host.forget(digest)

    async def served(self) -> Any:
        from agent_tools.services.wire import ModelsAnswer

        told = {role: host.traits for role, host in self.hosts.items()}
        return ModelsAnswer(**told, **{f"{role}_name": host.model_name for role, host in self.hosts.items()})

    async def figures(self) -> Mapping[str, Sequence[tuple[str, Mapping[str, float]]]]:
        return {role: [(host.name, host.figures())] for role, host in self.hosts.items()}


@contextmanager
def front_server(models: LocalModels, keys: Sequence[str] = (), local: bool = True, **rules: Any) -> Iterator[str]:
    """The front over models of this process, at an address of this machine."""
    need("fastapi", "the front of the model server")
    import uvicorn

    from agent_tools.services.serving.front import make_front
    from agent_tools.services.serving.metrics import FrontFigures
    from agent_tools.settings import Settings

    app = make_front(models, Settings(**rules), keys, local, FrontFigures())
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@contextmanager
def ray_server(*arguments: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`askmask serve` in a process of its own: its address, once it says so, and the process."""
    need("ray", "the model server")
    command = [sys.executable, "-m", "workflows.cli", "serve", "--port", "0", "--cpus-per-replica", "0.5", *arguments]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **environment}
    process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True)
    said: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        for line in process.stderr:
            said.append(line)
            if "serving at" in line:
                ready.set()
        ready.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        assert ready.wait(START_SECONDS), "".join(said)
        address = re.search(r"serving at (http://\S+?)\. ", "".join(said))
        assert address, "".join(said)
        yield address[1], process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        listener.join(10)
        process.stderr.close()


def wait_until(true: Any, seconds: float = 60.0, what: str = "it") -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"{what} did not come true in {seconds} s"
        time.sleep(0.1)
