"""`askmask serve`: the models behind an HTTP address, for other processes and machines, until somebody interrupts.

This module does not know Ray; it imports the server only where one is started.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_tools.errors import ConfigError, shorten
from agent_tools.services.ray_cluster import need_ray
from agent_tools.settings import settings
from workflows.commands.session import Choice
from workflows.commands.terminal import note

if TYPE_CHECKING:
    from agent_tools.services.serving.options import ServeOptions


@dataclass(frozen=True)
class Layout:
    """How many copies of each model run, and what each takes.

    Attributes:
        detector: replicas, least:most.
        segmenter: likewise.
        cpus: processors a replica.
        gpus: share of a GPU a replica; None: what there is, divided.
        queue: questions that may wait for a model; None: the usual number.
    """

    detector: str = "1"
    segmenter: str = "1"
    cpus: float = 1.0
    gpus: float | None = None
    queue: int | None = None


def serve(choice: Choice, layout: Layout, host: str, port: int, address: str | None) -> None:
    """Serve until interrupted.

    Args:
        choice: which models.
        layout: how often.
        host: address of this machine to listen on.
        port: 0 takes any free one.
        address: of a Ray cluster that runs already; None starts Ray here.

    Raises:
        ConfigError: the extra is not installed, the address cannot be listened on, or a key is missing.
        ServiceError: the models cannot be opened.
    """
    from agent_tools.services.serving.keys import check_keys

    options = _options(choice, layout, host)
    check_keys(settings(), wanted=not options.local)
    if address is None:
        port = _free_port(host, port)
    need_ray("serve", "serve", own=address is None)
    if notice := choice.notice():
        note(notice)
    if address is None:
        _fetch(options)
    note("starting Ray and the models")
    from agent_tools.services.deploy import serve_here

    # Ray's own notices, of a replica that died for example, go to stdout otherwise.
    with redirect_stdout(sys.stderr), serve_here(options, host, port, address):
        # Ray takes this signal for itself when it starts.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        note(f'serving at {url}. In another terminal: askmask ask "count the oranges" photo.jpg --models {url}')
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            note("ending; what is being answered is answered first")


def write_files(
    choice: Choice, layout: Layout, host: str, port: int, config: Path | None, manifest: Path | None, image: str | None
) -> None:
    """Write what ``serve deploy`` and ``kubectl apply`` take, in place of serving.

    Args:
        choice: which models.
        layout: how often.
        host: for the config; a manifest's server listens on every address of its pod.
        port: likewise.
        config: where Serve's config goes; None: nowhere.
        manifest: where KubeRay's manifest goes; None: nowhere.
        image: for the manifest, with askmask[serve] in it; None: askmask of this version.

    Raises:
        ConfigError: the extra is not installed, or a file cannot be written.
    """
    options = _options(choice, layout, host)
    need_ray("serve", "serve", own=False)
    import ray

    from agent_tools.services.serving.options import KEYS_SECRET, PORT, as_yaml, kuberay_manifest, serve_config

    if config is not None:
        _write(config, as_yaml(serve_config(options, host, port or PORT)))
        note(f"wrote {config}. Next: serve deploy {config}")
    if manifest is not None:
        _write(manifest, as_yaml(kuberay_manifest(options, image or _image(), ray.__version__)))
        keys = f"kubectl create secret generic {KEYS_SECRET} --from-literal=keys=..."
        note(f"wrote {manifest}. Next: {keys}, then kubectl apply -f {manifest}")


def _options(choice: Choice, layout: Layout, host: str) -> ServeOptions:
    from agent_tools.services.factories import is_address
    from agent_tools.services.presets import default_preset, find_preset
    from agent_tools.services.serving.keys import is_loopback
    from agent_tools.services.serving.options import Replicas, ServeOptions

    models = find_preset(choice.models or settings().models or default_preset()).name
    typed = {role: findable(getattr(choice, role) or getattr(settings(), role)) for role in ("detector", "segmenter")}
    for name in (models, *typed.values()):
        if name is not None and is_address(name):
            raise ConfigError(f"models={shorten(name)} is a server already: expected models to serve. Name a preset.")
    more: dict[str, Any] = {} if layout.queue is None else {"max_queued": layout.queue}
    return ServeOptions(
        models=models,
        detector=typed["detector"],
        segmenter=typed["segmenter"],
        device=(choice.device or settings().device).partition(":")[0],  # Ray shows a replica its own GPU only
        detector_replicas=Replicas.read(layout.detector, "detector-replicas"),
        segmenter_replicas=Replicas.read(layout.segmenter, "segmenter-replicas"),
        cpus_per_replica=layout.cpus,
        gpus_per_replica=layout.gpus,
        local=is_loopback(host),
        **more,
    )


def findable(typed: str | None) -> str | None:
    """What was typed, in a form that another process finds too: its working folder is another."""
    if typed is None:
        return None
    file, colon, name = typed.rpartition(":")
    path = Path(file if colon and file.endswith(".py") else typed).expanduser()
    return f"{path.resolve()}{colon + name if path.is_file() else ''}" if path.exists() else typed


def _fetch(options: ServeOptions) -> None:
    """Have the weights on this machine before anything is started; that shows progress, and tells what is missing."""
    from agent_tools.services.checkpoints import HUB_ID, locate
    from agent_tools.services.presets import find_preset

    preset = find_preset(options.models)
    locate_them = (
        ("detector", options.detector or preset.detector),
        ("segmenter", options.segmenter or preset.segmenter),
    )
    for role, typed in locate_them:
        if HUB_ID.fullmatch(typed):
            locate(typed, role)


def _free_port(host: str, port: int) -> int:
    """The port, or a free one for 0.

    Raises:
        ConfigError: it is taken, or the address is not of this machine.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with closing(socket.create_server((host, port), family=family)) as listener:
            return int(listener.getsockname()[1])
    except OSError as error:
        raise ConfigError(
            f"host={shorten(host)} port={port} cannot be listened on ({error.strerror or error}): expected a free port "
            "of this machine. Choose another with --port."
        ) from error


def _image() -> str:
    from importlib.metadata import version

    return f"askmask:{version('askmask')}"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"file={shorten(path)} cannot be written ({error.strerror or error}): expected a place of yours. "
            "Name another."
        ) from error
