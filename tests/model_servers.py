"""Model servers for tests: the front in this process without Ray, and the whole of `askmask serve` in its own."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FAKES = {"detector": "agent_tools.services.fakes:FakeDetector", "segmenter": "agent_tools.services.fakes:FakeSegmenter"}


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

    async def figures(self) -> Mapping[str, Sequence[Any]]:
        return {role: [host.figures()] for role, host in self.hosts.items()}


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
    """`askmask serve` in a process of its own: its address and the process. Interrupted, it leaves nothing behind."""
    need("ray", "the model server")
    from benchmarks.servers import running_server

    mark = f"SERVER_OF_A_TEST={uuid.uuid4().hex}"
    name, _, value = mark.partition("=")
    environment |= {"OMP_NUM_THREADS": "1", name: value}
    with running_server("serve", "--cpus-per-replica", "0.5", *arguments, **environment) as (address, process):
        yield address, process
    assert process.returncode == 0
    # A replica that was just being started notices when it has; on a busy machine that takes a while.
    wait_until(lambda: not those_with(mark), 120, "the end of all that the server started")


def those_with(mark: str) -> list[str]:
    """Programs that run with a variable in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "comm").read_text().strip())
        except OSError:  # gone, or somebody else's
            continue
    return found


def wait_until(true: Any, seconds: float = 60.0, what: str = "it") -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"{what} did not come true in {seconds} s"
        time.sleep(0.1)
