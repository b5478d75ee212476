"""How a model server is laid out, and the same as a Serve config file and a KubeRay manifest.

Both files hold all that decides how the server runs, and no secret: keys come from the environment of the machines.
This module does not know Ray; Serve checks what is written here.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent_tools.errors import ConfigError, shorten
from agent_tools.services.wire import Role

APP = "askmask"
FRONT = "Front"
NAMES: dict[Role, str] = {"detector": "Detector", "segmenter": "Segmenter"}
BUILDER = "agent_tools.services.deploy:application"
ROUTER = "agent_tools.services.serving.routing.PictureRouter"
PORT = 8000
KEYS_SECRET = "askmask-serve-keys"  # noqa: S105 (the name of a secret, not one)
_ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 (inside a pod; keys are wanted there)


class Replicas(BaseModel):
    """How many copies of a model run.

    Attributes:
        least: that many always.
        most: that many under load.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    least: int = Field(default=1, ge=1)
    most: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Replicas:
        if self.least > self.most:
            raise ValueError(f"the least ({self.least}) to be at most the most ({self.most})")
        return self

    @classmethod
    def read(cls, typed: str, name: str) -> Replicas:
        """From ``2`` or ``1:4``, least and most.

        Raises:
            ConfigError: neither of these.
        """
        match = re.fullmatch(r"([1-9]\d{0,3})(?::([1-9]\d{0,3}))?", typed.strip())
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise ConfigError(f"{name}={shorten(typed)} is no number of replicas: expected 2, or 1:4. Correct it.")
        return cls(least=int(match[1]), most=int(match[2] or match[1]))


class ServeOptions(BaseModel):
    """A model server.

    Attributes:
        models: preset.
        detector: in place of the preset's, as ``--detector`` takes it.
        segmenter: likewise.
        device: auto, cpu, cuda or mps; Ray decides which GPU.
        detector_replicas: copies of the detector.
        segmenter_replicas: copies of the segmenter.
        cpus_per_replica: processors that each copy takes.
        gpus_per_replica: share of a GPU that each copy takes; 0: none, and it sees none. None: see `with_gpus`.
        max_ongoing: questions that a replica takes at a time; more go to the next one, or wait.
        target_ongoing: questions for each replica from which more are started.
        max_queued: questions that may wait for all replicas of a model together; more are told to try again.
        answer_seconds: longest time until an answer; after that the client is told to try again.
        local: whether only this machine can reach the server; otherwise it wants keys.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    models: str = "demo"
    detector: str | None = None
    segmenter: str | None = None
    device: str = "auto"
    detector_replicas: Replicas = Replicas()
    segmenter_replicas: Replicas = Replicas()
    cpus_per_replica: float = Field(default=1.0, ge=0)
    gpus_per_replica: float | None = Field(default=None, ge=0)
    max_ongoing: int = Field(default=8, ge=1)
    target_ongoing: float = Field(default=4.0, gt=0)
    max_queued: int = Field(default=64, ge=1)
    answer_seconds: float = Field(default=110.0, gt=0)
    local: bool = True

    def replicas(self, role: Role) -> Replicas:
        """Copies of one of the models."""
        return self.detector_replicas if role == "detector" else self.segmenter_replicas


def with_gpus(options: ServeOptions, there: float) -> ServeOptions:
    """The same with a share of a GPU for each copy that nothing was said about: what there is, divided, at most one.

    Args:
        options: what is served.
        there: GPUs of the machine or cluster.
    """
    if options.gpus_per_replica is not None:
        return options
    most = sum(options.replicas(role).most for role in NAMES)
    share = 0.0 if options.device in ("cpu", "mps") else min(1.0, math.floor(100 * there / most) / 100)
    return options.model_copy(update={"gpus_per_replica": share})


def model_settings(options: ServeOptions, role: Role) -> dict[str, Any]:
    """What Serve is told about the deployment of one model."""
    replicas = options.replicas(role)
    return {
        "max_ongoing_requests": options.max_ongoing,
        "max_queued_requests": options.max_queued,
        "autoscaling_config": {
            "min_replicas": replicas.least,
            "max_replicas": replicas.most,
            "target_ongoing_requests": min(options.target_ongoing, options.max_ongoing),
        },
        "ray_actor_options": {"num_cpus": options.cpus_per_replica, "num_gpus": options.gpus_per_replica or 0},
        "request_router_config": {"request_router_class": ROUTER},
        "health_check_period_s": 5.0,
        "graceful_shutdown_timeout_s": 20.0,
    }


def front_settings(options: ServeOptions) -> dict[str, Any]:
    """What Serve is told about the front; it only waits, so that it takes no processor and many requests."""
    waiting = sum(options.max_queued + options.replicas(role).most * options.max_ongoing for role in NAMES)
    return {
        "num_replicas": 1,
        "max_ongoing_requests": 2 * waiting,
        "max_queued_requests": 2 * waiting,
        "ray_actor_options": {"num_cpus": 0},
        "request_router_config": {"request_router_class": ROUTER},
        "health_check_period_s": 5.0,
        "graceful_shutdown_timeout_s": 20.0,
    }


def serve_config(options: ServeOptions, host: str, port: int) -> dict[str, Any]:
    """The server as Serve's own config file, for ``serve deploy``."""
    deployments = [{"name": NAMES[role], **model_settings(options, role)} for role in NAMES]
    return {
        "proxy_location": "HeadOnly",
        "http_options": {"host": host, "port": port},
        "logging_config": {"log_level": "WARNING", "enable_access_log": False},
        "applications": [
            {
                "name": APP,
                "route_prefix": "/",
                "import_path": BUILDER,
                "args": options.model_dump(mode="json"),
                "deployments": [{"name": FRONT, **front_settings(options)}, *deployments],
            }
        ],
    }


def kuberay_manifest(options: ServeOptions, image: str, ray_version: str) -> dict[str, Any]:
    """The server as a RayService, for a cluster with the KubeRay operator.

    The head runs the front and no model; the workers run one replica each, as many as there may be.

    Args:
        options: what is served; it is asked for keys, which the secret `KEYS_SECRET` has to hold.
        image: with askmask[serve] in it.
        ray_version: of the Ray in the image.
    """
    remote = options.model_copy(update={"local": False})
    least, most = (sum(getattr(options.replicas(role), end) for role in NAMES) for end in ("least", "most"))
    keys = {"name": KEYS_SECRET, "key": "keys"}
    container = {
        "image": image,
        "env": [
            {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"},
            {"name": "ASKMASK_SERVE_KEYS", "valueFrom": {"secretKeyRef": keys}},
        ],
    }
    room: dict[str, Any] = {"cpu": str(max(1, round(options.cpus_per_replica))), "memory": "8Gi"}
    if options.gpus_per_replica:
        room["nvidia.com/gpu"] = max(1, round(options.gpus_per_replica))
    ports = [
        {"containerPort": number, "name": name}
        for name, number in (("gcs", 6379), ("dashboard", 8265), ("client", 10001), ("serve", PORT))
    ]
    head = {"name": "ray-head", **container, "ports": ports, "resources": _exactly({"cpu": "2", "memory": "4Gi"})}
    worker = {"name": "ray-worker", **container, "resources": _exactly(room)}
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": APP},
        "spec": {
            "serveConfigV2": as_yaml(serve_config(remote, _ALL_ADDRESSES, PORT)),
            "rayClusterConfig": {
                "rayVersion": ray_version,
                "enableInTreeAutoscaling": least < most,
                "headGroupSpec": {
                    "rayStartParams": {"dashboard-host": _ALL_ADDRESSES, "num-cpus": "0"},
                    "template": {"spec": {"containers": [head]}},
                },
                "workerGroupSpecs": [
                    {
                        "groupName": "models",
                        "replicas": least,
                        "minReplicas": least,
                        "maxReplicas": most,
                        "rayStartParams": {},
                        "template": {"spec": {"containers": [worker]}},
                    }
                ],
            },
        },
    }


def as_yaml(what: dict[str, Any]) -> str:
    """A config as text, in the order it is written here."""
    return yaml.dump(what, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


class _Plain(yaml.SafeDumper):
    """YAML without anchors, and with a text of several lines as such."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _text)


def _exactly(room: dict[str, Any]) -> dict[str, Any]:
    return {"limits": room, "requests": room}
