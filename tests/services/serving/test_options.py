"""The Serve config and KubeRay manifest that `askmask serve` writes; Serve itself says whether they are good."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent_tools.errors import ConfigError
from agent_tools.services.serving.options import Replicas, ServeOptions, kuberay_manifest, with_gpus
from tests.model_servers import ROOT, need
from workflows import cli

CHECK_BY_SERVE = """
import json, sys, yaml
from ray.serve.schema import ServeDeploySchema
from agent_tools.services import deploy
schema = ServeDeploySchema.model_validate(yaml.safe_load(open(sys.argv[1])))
(app,) = schema.applications
module, _, name = app.import_path.rpartition(":")
built = getattr(sys.modules[module], name)(app.args)
print(json.dumps({
    "host": schema.http_options.host,
    "port": schema.http_options.port,
    "route": app.route_prefix,
    "ingress": built._bound_deployment.name,
    "deployments": {each.name: each.model_dump(mode="json", exclude_unset=True) for each in app.deployments},
}))
"""


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """What the command writes for some options: the config or manifest, read again."""
    need("ray", "writing a Serve config")

    def write(option: str, *arguments: str) -> tuple[Path, Any]:
        path = tmp_path / f"{option.strip('-')}.yaml"
        assert cli.main(["serve", option, str(path), *arguments]) == 0
        return path, yaml.safe_load(path.read_text())

    return write


def as_serve_reads_it(path: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHECK_BY_SERVE, str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_written_config_is_what_serve_takes(written: Any) -> None:
    options = ("--detector-replicas", "1:3", "--segmenter-replicas", "2", "--gpus-per-replica", "0.25", "--queue", "9")
    path, _ = written("--write-config", "--models", "base", "--port", "8124", *options)
    read = as_serve_reads_it(path)
    assert (read["host"], read["port"], read["route"], read["ingress"]) == ("127.0.0.1", 8124, "/", "Front")
    detector, segmenter = read["deployments"]["Detector"], read["deployments"]["Segmenter"]
    assert (detector["autoscaling_config"]["min_replicas"], detector["autoscaling_config"]["max_replicas"]) == (1, 3)
    assert (segmenter["autoscaling_config"]["min_replicas"], segmenter["autoscaling_config"]["max_replicas"]) == (2, 2)
    assert detector["ray_actor_options"]["num_gpus"] == 0.25
    assert detector["max_queued_requests"] == 9
    assert "PictureRouter" in json.dumps(read["deployments"]["Front"]["request_router_config"])


@pytest.mark.slow
def test_written_manifest_holds_a_config_that_serve_takes_and_no_key(written: Any, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASKMASK_SERVE_KEYS", "a-very-secret-word-of-length")
    arguments = ("--segmenter-replicas", "1:4", "--gpus-per-replica", "1", "--image", "registry.local/askmask:1")
    path, manifest = written("--write-manifest", *arguments)
    inside = tmp_path / "inside.yaml"
    inside.write_text(manifest["spec"]["serveConfigV2"])
    read = as_serve_reads_it(inside)
    assert (read["host"], read["port"]) == ("0.0.0.0", 8000)
    assert yaml.safe_load(inside.read_text())["applications"][0]["args"]["local"] is False
    assert "secret-word" not in path.read_text()

    import importlib.metadata

    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayService")
    cluster = manifest["spec"]["rayClusterConfig"]
    assert cluster["rayVersion"] == importlib.metadata.version("ray")
    (group,) = cluster["workerGroupSpecs"]
    assert (group["minReplicas"], group["replicas"], group["maxReplicas"]) == (2, 2, 5)


def test_manifest_is_well_formed_for_kubernetes() -> None:
    options = ServeOptions(segmenter_replicas=Replicas(least=1, most=4), gpus_per_replica=1, cpus_per_replica=2)
    manifest = kuberay_manifest(options, "registry.local/askmask:1", "2.60.0")
    cluster = manifest["spec"]["rayClusterConfig"]
    pods = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for pod in pods:
        assert all(isinstance(value, str) for value in pod["rayStartParams"].values())
        (container,) = pod["template"]["spec"]["containers"]
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", container["name"])
        assert container["image"] == "registry.local/askmask:1"
        assert container["resources"]["limits"] == container["resources"]["requests"]
        keys = next(each for each in container["env"] if each["name"] == "ASKMASK_SERVE_KEYS")
        assert set(keys["valueFrom"]) == {"secretKeyRef"}
    (worker,) = cluster["workerGroupSpecs"][0]["template"]["spec"]["containers"]
    assert worker["resources"]["limits"] == {"cpu": "2", "memory": "8Gi", "nvidia.com/gpu": 1}
    assert cluster["enableInTreeAutoscaling"] is True
    # Names of ports are at most 15 characters in Kubernetes.
    (head,) = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    assert {port["name"]: port["containerPort"] for port in head["ports"]}["serve"] == 8000
    assert all(len(port["name"]) <= 15 for port in head["ports"])


@pytest.mark.parametrize(("typed", "least", "most"), [("2", 2, 2), ("1:4", 1, 4), (" 3:3 ", 3, 3)])
def test_replicas_as_typed(typed: str, least: int, most: int) -> None:
    assert Replicas.read(typed, "detector-replicas") == Replicas(least=least, most=most)


@pytest.mark.parametrize("typed", ["", "0", "4:1", "1:0", "x", "1:2:3", "-1", "1.5"])
def test_replicas_that_are_no_number_say_what_is_expected(typed: str) -> None:
    with pytest.raises(ConfigError, match=r"detector-replicas=.* expected 2, or 1:4\."):
        Replicas.read(typed, "detector-replicas")


@pytest.mark.parametrize(
    ("device", "given", "there", "share"),
    [("auto", None, 1, 0.33), ("auto", None, 8, 1.0), ("auto", None, 0, 0), ("cpu", None, 8, 0), ("cuda", 0.5, 8, 0.5)],
)
def test_gpus_that_nothing_was_said_about_are_divided(device: str, given: float, there: float, share: float) -> None:
    options = ServeOptions(device=device, gpus_per_replica=given, segmenter_replicas=Replicas(least=1, most=2))
    assert with_gpus(options, there).gpus_per_replica == share
