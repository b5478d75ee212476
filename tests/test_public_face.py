"""What `import agent_tools` gives, and what it does not load."""

import subprocess
import sys

import pytest

import agent_tools

HEAVY = (
    "torch",
    "transformers",
    "langchain",
    "langchain_core",
    "langgraph",
    "sqlalchemy",
    "ray",
    "fastapi",
    "starlette",
    "httpx",
    "cv2",
    "numpy",
    "PIL",
)


def test_public_names_are_deliberate() -> None:
    assert agent_tools.__all__ == [
        "AskmaskError",
        "ConfigError",
        "ConflictError",
        "Detections",
        "Detector",
        "HandleError",
        "Mask",
        "Memory",
        "MemoryStoreError",
        "OutOfMemoryError",
        "Picture",
        "PictureError",
        "Prediction",
        "Prompt",
        "SegmentRequest",
        "Segmenter",
        "Segments",
        "ServiceError",
        "Services",
        "ToolInputError",
        "ToolResult",
        "VisionToolkit",
        "export",
        "load_services",
        "open_picture",
        "open_pictures",
        "predict",
        "to_supervision",
    ]


@pytest.mark.parametrize("name", agent_tools.__all__)
def test_public_name_exists_and_says_what_it_is(name: str) -> None:
    value = getattr(agent_tools, name)
    assert value.__name__ == name
    assert value.__doc__
    assert name in dir(agent_tools)


def test_name_that_is_not_public_is_missing() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Toolkit'"):
        _ = agent_tools.Toolkit


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    assert loaded_after("import agent_tools") == set()


def test_import_of_the_toolkit_loads_no_model_library_and_no_framework() -> None:
    loaded = loaded_after(
        "from agent_tools import VisionToolkit, Picture, Mask; from agent_tools.tools import registry"
    )
    assert loaded <= {"numpy", "PIL"}


def test_import_of_the_exports_loads_no_model_library_and_no_framework() -> None:
    loaded = loaded_after("from agent_tools import export, to_supervision")
    assert not loaded & {"torch", "transformers", "langchain", "langchain_core", "langgraph", "sqlalchemy"}
