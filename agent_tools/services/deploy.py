"""The model server on Ray Serve: an HTTP front, a detector and a segmenter, each in as many replicas as are needed.

``application`` is what Serve builds from a config file; ``serve_here`` runs the same on this machine or on a cluster.
A replica that dies is asked no more, its questions go to another, and the picture goes with them. This module does not
know how a model works, what the HTTP paths are, or the command line.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import ray
from ray import serve
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from agent_tools.errors import BusyError, ServiceError, shorten
from agent_tools.services.ray_cluster import start_ray
from agent_tools.services.serving.front import make_front
from agent_tools.services.serving.host import ModelHost, Reply
from agent_tools.services.serving.keys import check_keys
from agent_tools.services.serving.metrics import FrontFigures, ModelFigures
from agent_tools.services.serving.options import (
    APP,
    FRONT,
    NAMES,
    ServeOptions,
    front_settings,
    model_settings,
    with_gpus,
)
from agent_tools.services.wire import DetectorTraits, ModelsAnswer, Question, Role, SegmenterTraits
from agent_tools.settings import settings

logger = logging.getLogger(__name__)
_DEATHS = 3
"""Replicas that one question may see die before it is taken for the cause."""
_BROADCAST_SECONDS = 5.0
_LONGEST_RETRY = 30.0


def application(args: Mapping[str, Any]) -> serve.Application:
    """What Serve deploys.

    Args:
        args: a `ServeOptions`, as JSON has it.

    Raises:
        pydantic.ValidationError: it is not one.
    """
    options = ServeOptions.model_validate(args)
    models = {
        role: serve.deployment(_Replica, name=name, **model_settings(options, role)).bind(role, options)
        for role, name in NAMES.items()
    }
    front = serve.deployment(serve.ingress()(_Front), name=FRONT, **front_settings(options))
    return cast(serve.Application, front.bind(options, models["detector"], models["segmenter"]))


class _Replica:
    """A model in a process of its own."""

    def __init__(self, role: Role, options: ServeOptions) -> None:
        name = f"{serve.get_replica_context().replica_id.unique_id}/{os.getpid()}"
        typed = options.detector if role == "detector" else options.segmenter
        self._host = ModelHost(role, options.models, typed, options.device, name)
        self._threads = ThreadPoolExecutor(options.max_ongoing, role)

    async def ask(self, question: Question, original: bytes | None) -> Reply:
        # A question that is cancelled before a thread takes it up is never asked.
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._host.ask, question, original)

    async def forget(self, digest: str) -> None:
        self._host.forget(digest)

    async def served(self) -> tuple[str, DetectorTraits | SegmenterTraits]:
        return self._host.model_name, self._host.traits

    async def figures(self) -> ModelFigures:
        return self._host.figures()


class _Front:
    """The HTTP front in a replica of Serve's."""

    def __init__(self, options: ServeOptions, detector: DeploymentHandle, segmenter: DeploymentHandle) -> None:
        self._options, self._keys = options, check_keys(settings(), wanted=not options.local)
        self._figures = FrontFigures()
        self._models = _Models(options, {"detector": detector, "segmenter": segmenter}, self._figures)

    def __serve_build_asgi_app__(self) -> Any:
        return make_front(self._models, settings(), self._keys, self._options.local, self._figures)


class _Models:
    """The replicas behind the front; see `front.Models`."""

    def __init__(self, options: ServeOptions, handles: Mapping[Role, DeploymentHandle], figures: FrontFigures) -> None:
        self._options, self._handles, self._figures = options, handles, figures

    async def ask(self, role: Role, question: Question, original: bytes | None) -> Reply:
        handle = self._handles[role].options(session_id=question.picture)
        try:
            async with asyncio.timeout(self._options.answer_seconds):
                for _ in range(_DEATHS):
                    try:
                        return cast(Reply, await handle.ask.remote(question, original))
                    except RayActorError as error:
                        logger.warning("a %s died, another is asked: %s", role, shorten(error, 200))
        except (BackPressureError, TimeoutError):
            return Reply.failed(self._busy(role))
        return Reply.failed(
            ServiceError(
                f"{role}= died {_DEATHS} times over one question: expected an answer. "
                "It may need more memory; see the server's log."
            )
        )

    async def forget(self, digest: str) -> None:
        await asyncio.gather(*[self._everywhere(role, "forget", digest) for role in self._handles])

    async def served(self) -> ModelsAnswer:
        try:
            async with asyncio.timeout(_BROADCAST_SECONDS):
                told = [await self._handles[role].served.remote() for role in NAMES]
        except (BackPressureError, RayActorError, TimeoutError):
            raise BusyError("models= do not answer yet: expected both. Try again in a moment.", 1.0) from None
        (detector_name, detector), (segmenter_name, segmenter) = told
        return ModelsAnswer(
            detector_name=detector_name, segmenter_name=segmenter_name, detector=detector, segmenter=segmenter
        )

    async def figures(self) -> Mapping[str, Sequence[ModelFigures]]:
        return {role: await self._everywhere(role, "figures") for role in self._handles}

    async def _everywhere(self, role: Role, method: str, *arguments: Any) -> list[Any]:
        """What every replica that lives answers."""
        answers = self._handles[role].broadcast(method, *arguments)
        told = await answers.results_async(timeout_s=_BROADCAST_SECONDS, return_exceptions=True)
        return [each for each in told if not isinstance(each, BaseException)]

    def _busy(self, role: Role) -> BusyError:
        # What waits now is done in about the time that an answer takes now, waiting included.
        seconds = math.ceil(min(max(self._figures.usual_seconds, 1.0), _LONGEST_RETRY))
        return BusyError(
            f"{role}= is busy: expected fewer than {self._options.max_queued} questions waiting. "
            f"Try again in {seconds} s.",
            seconds,
        )


@contextmanager
def serve_here(options: ServeOptions, host: str, port: int, address: str | None = None) -> Iterator[None]:
    """The server, from when it is ready until this ends.

    Args:
        options: what is served.
        host: address to listen on.
        port: a free one.
        address: of a Ray cluster that runs already, with askmask on its machines; None: Ray is started here, reachable
            from this machine only, and ended with the server.

    Raises:
        ConfigError: the cluster cannot be reached.
        ServiceError: a model could not be opened, or the server not be started.
    """
    most = sum(options.replicas(role).most for role in NAMES)
    # Room for every replica: here they share what processors there are.
    processors = max(os.cpu_count() or 1, math.ceil(most * options.cpus_per_replica))
    options = with_gpus(options, start_ray(processors, address, "serve"))
    quiet = {"log_level": "WARNING", "enable_access_log": False}
    logging.getLogger("ray.serve").addFilter(lambda record: record.levelno >= logging.WARNING)
    try:
        serve.start("HeadOnly", {"host": host, "port": port}, logging_config=quiet)
        try:
            _run(options, quiet)
            yield
        finally:
            # What is being answered is answered first. Ray started here takes all that is left with it.
            serve.delete(APP)
    finally:
        ray.shutdown()


def _run(options: ServeOptions, quiet: dict[str, Any]) -> None:
    """Have Serve start the application, until it is ready."""
    try:
        serve.run(application(options.model_dump(mode="json")), name=APP, route_prefix="/", logging_config=quiet)
    except RuntimeError as error:
        raise ServiceError(
            f"models={options.models} cannot be served ({_cause(error)}): expected both models to open. "
            "Try them with askmask ask first."
        ) from error


def _cause(error: RuntimeError) -> str:
    """The last line of what Serve says of a deployment that failed."""
    told = [
        deployment.message.strip()
        for one in serve.status().applications.values()
        for deployment in one.deployments.values()
        if deployment.message.strip()
    ]
    lines = [line for text in (*told, str(error)) for line in text.splitlines() if "Error" in line]
    return shorten(lines[-1].strip() if lines else error, 300)
