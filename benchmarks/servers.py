"""Commands that serve, in processes of their own, for measurements and tests; not what they serve."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
START_SECONDS = 270.0
_ADDRESS = re.compile(r"\bat (http://\S+?)\.? ")


@contextmanager
def running_server(command: str, *arguments: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """``askmask COMMAND`` on any free port: its address and the process; ended with the block.

    Args:
        command: serve or web.
        arguments: more of it.
        environment: more of it.
    """
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    process = subprocess.Popen(
        [sys.executable, "-m", "workflows.cli", command, "--port", "0", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    said: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        for line in process.stderr or ():
            said.append(line)
            if _ADDRESS.search(line):
                ready.set()
        ready.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        ready.wait(START_SECONDS)
        address = _ADDRESS.search("".join(said))
        if address is None:
            raise RuntimeError(f"the server did not start: {''.join(said)}")
        yield address[1], process
    finally:
        # Not SIGINT, which is ignored by all that a shell without job control has put in the background.
        process.terminate()
        try:
            process.wait(90)
        finally:
            process.kill()
            process.wait()
            listener.join(10)
            if process.stderr:
                process.stderr.close()
