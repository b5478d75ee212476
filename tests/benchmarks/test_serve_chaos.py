"""A small version of the chaos benchmark, on models that start quickly."""

from __future__ import annotations

import pytest

from tests.model_servers import FAKES, need


@pytest.mark.slow
def test_process_killed_under_load_loses_nothing() -> None:
    need("ray", "the model server")
    from benchmarks.serve_chaos import run

    found = run(600, 8, [part for role, typed in FAKES.items() for part in (f"--{role}", typed)])
    assert (found["lost"], found["different"]) == (0, 0), found
    assert 300 <= found["killed_after"] < 600
    assert found["given_again"] > 0
