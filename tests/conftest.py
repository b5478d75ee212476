"""Shared by every test: no hub, no language model, no settings of the person who runs them."""

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["LANGSMITH_TRACING"] = "false"
for name in [name for name in os.environ if name.startswith("ASKMASK_") or name.endswith("_API_KEY")]:
    del os.environ[name]


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    """Every test has a data folder of its own; the person's conversations are never touched."""
    from agent_tools.settings import settings

    folder = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("ASKMASK_DATA_DIR", str(folder))
    settings.cache_clear()
    yield folder
    settings.cache_clear()


@pytest.fixture
def photos() -> Path:
    """The folder of real photographs beside the checkout, where there is one."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "photos"
    if not folder.is_dir():
        pytest.skip("the real photographs are not on this machine; they are not part of the repository")
    return folder
