"""`askmask serve` where it refuses; what it does when it serves is in tests/services/serving."""

from __future__ import annotations

import pytest

from agent_tools.settings import settings
from tests.workflows.conftest import Run

SERVE_ERRORS = {
    "beyond this machine without keys": (("--host", "0.0.0.0"), "ASKMASK_SERVE_KEYS= is not set"),
    "no number of replicas": (("--detector-replicas", "many"), "detector-replicas=many is no number of replicas"),
    "a server of a server": (("--models", "http://127.0.0.1:1"), "is a server already"),
    "no such preset": (("--models", "huge"), "huge is not a preset"),
    "an address of elsewhere": (("--host", "192.0.2.77", "--port", "0"), "cannot be listened on"),
}


@pytest.mark.parametrize(("arguments", "said"), SERVE_ERRORS.values(), ids=SERVE_ERRORS)
def test_serve_what_cannot_be_served_is_refused_before_anything_starts(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    if "192.0.2.77" in arguments:
        monkeypatch.setenv("ASKMASK_SERVE_KEYS", "a-key-of-some-length")
        settings.cache_clear()
    code, out, err = run("serve", *arguments)
    assert (code, out) == (1, "")
    assert said in err
    assert "starting Ray" not in err


def test_serve_image_without_a_manifest_is_a_usage_error(run: Run) -> None:
    assert run("serve", "--image", "askmask:1")[0] == 2
