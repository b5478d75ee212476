"""Ray itself: installed, and started here or reached elsewhere, quietly and for this program alone.

Ray's processes listen on every address of the machine whatever they are told, and run what they are sent: so one that
is started here asks each caller for a token, which nobody but this process and its children know. This module does not
know what runs on Ray.
"""

from __future__ import annotations

import importlib
import logging
import os
import secrets
from typing import Any

from agent_tools.errors import ConfigError, ServiceError, shorten

_OBJECT_STORE_BYTES = 1_000_000_000
_START_MILLISECONDS = 120_000


def need_ray(part: str, extra: str, own: bool) -> None:
    """Check that a part of Ray is installed, before Ray is first imported and reads its settings.

    Args:
        part: serve or data.
        extra: of askmask, that brings it.
        own: whether Ray will be started here.

    Raises:
        ConfigError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if own and "RAY_AUTH_MODE" not in os.environ:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        importlib.import_module(f"ray.{part}")
    except ImportError as error:
        package = (getattr(error, "name", None) or "").partition(".")[0]
        if package not in ("ray", "fastapi", "starlette", "uvicorn", "pandas", "pyarrow", ""):
            raise
        raise ConfigError(
            f'{part}= is not installed: expected the package ray[{part}]. Run: pip install "askmask[{extra}]"'
        ) from None


def start_ray(processors: int, address: str | None, namespace: str) -> float:
    """Start Ray, reachable from this machine only, or connect to a cluster; the caller ends it with ``ray.shutdown``.

    Args:
        processors: how many a Ray that is started here takes itself to have.
        address: of a cluster that runs already, with askmask on its machines; None: Ray is started here.
        namespace: for what is named on it.

    Returns:
        how many GPUs it has.

    Raises:
        ConfigError: the cluster cannot be reached.
        ServiceError: Ray did not start.
    """
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "namespace": namespace}
    if address is not None:
        try:
            ray.init(address, **quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"address={shorten(address)} is no Ray cluster that can be reached ({shorten(error, 120)}): expected "
                "host:port, or auto. Leave it out to start Ray here."
            ) from error
        return float(ray.cluster_resources().get("GPU", 0))
    for last in (False, True):
        try:
            ray.init(
                "local",
                num_cpus=processors,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                _node_ip_address="127.0.0.1",
                _system_config={"agent_register_timeout_ms": _START_MILLISECONDS},
                **quiet,
            )
            break
        except Exception as error:
            # Ray gives its own parts half a minute to start, and a machine that is very busy may need more.
            ray.shutdown()
            if last:
                raise ServiceError(f"ray= did not start ({shorten(error, 120)}): expected it to. Try again.") from error
    return float(ray.cluster_resources().get("GPU", 0))
