"""What another package adds by being installed: a throwaway distribution on the path, good and broken."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_tools.errors import ConfigError
from agent_tools.services.presets import load_services
from agent_tools.tools.plugged import plugged_tools
from agent_tools.tools.registry import BUILT_IN
from workflows.planning.plugged import planner_names, plugged_planner

Install = Callable[..., Path]

GOOD = '''
from pydantic import Field
from agent_tools.tools.arguments import Arguments, Names
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.tool import tool_of
from agent_tools.tools.wording import results

class MeasureArguments(Arguments):
    """What to measure."""
    handles: Names | None = Field(None, description="Default: the selection.")

def measure(context: ToolContext, arguments: MeasureArguments) -> ToolResult:
    """How large things are in pixels: "how big is m3?". Changes nothing."""
    things = context.chosen_or_selected(arguments.handles)
    return results([f"{thing.handle} {thing.area} px" for thing in things], things)

TOOL = tool_of(measure, MeasureArguments, changes=False)
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """install(source, tools="name = thing:TOOL") → a folder on the path with such a package."""

    def build(source: str, **entries: str) -> Path:
        folder = tmp_path / "site"
        number = len(list(folder.glob("*.dist-info")))
        module = f"thing_{tmp_path.name}_{number}"
        info = folder / f"askmask_thing{number}-1.{number}.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(source, encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: askmask-thing{number}\nVersion: 1.{number}\n")
        lines = [f"[askmask.{kind}]\n{entry.replace('thing:', f'{module}:')}\n" for kind, entry in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(folder)
        return folder

    return build


def python(folder: Path, script: str, data: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a process that has the folder on its path."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder}{os.pathsep}{Path(__file__).parents[1]}",
        "ASKMASK_DATA_DIR": str(data),
    }
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)


EVERYWHERE = """
import asyncio, json
import numpy as np
from langchain_core.utils.function_calling import convert_to_openai_tool
from mcp import Client
from agent_tools import Memory, Services, VisionToolkit
from agent_tools.plugs.for_langchain import langchain_tools
from agent_tools.plugs.for_openai import chat_tools, responses_tools
from agent_tools.plugs.mcp_server import VisionServer
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.toolkit import SharedModels
from agent_tools.tools.registry import TOOLS

services = Services(FakeDetector(), FakeSegmenter(), "custom", "d", "s")
memory = Memory()
toolkit = VisionToolkit(services=services, memory=memory)
array = np.full((20, 20, 3), 255, np.uint8)
array[4:8, 4:8] = (220, 30, 30)
toolkit.open_picture(array)
toolkit.call("count", {"phrases": ["red"]})

async def served():
    server = VisionServer(SharedModels(services=services), memory, conversation=toolkit.conversation)
    async with Client(server.server) as client:
        named = [tool.name for tool in (await client.list_tools()).tools]
        return [named, (await client.call_tool("measure", {})).content[0].text]

print(json.dumps({
    "registry": list(TOOLS),
    "langchain": [convert_to_openai_tool(tool)["function"]["name"] for tool in langchain_tools(toolkit)],
    "chat": [tool["function"]["name"] for tool in chat_tools()],
    "responses": [tool["name"] for tool in responses_tools()],
    "mcp": asyncio.run(served()),
    "text": toolkit.call("measure", {}).text,
}))
"""


def test_tool_of_another_package_is_in_the_registry_and_in_every_plug(install: Install, own_data_folder: Path) -> None:
    done = python(install(GOOD, tools="measure = thing:TOOL"), EVERYWHERE, own_data_folder)
    assert done.stderr == ""
    seen = json.loads(done.stdout)
    assert seen["registry"][-1] == "measure"
    assert seen["registry"] == seen["langchain"] == seen["chat"] == seen["responses"] == seen["mcp"][0]
    assert seen["text"] == seen["mcp"][1] == "m1 16 px."


@pytest.mark.parametrize(
    ("source", "entry", "words"),
    [
        ("import nothing_of_that_name", "measure = thing:TOOL", "cannot be imported (ModuleNotFoundError: No module"),
        ("raise SystemExit(3)", "measure = thing:TOOL", "cannot be imported (SystemExit: 3)"),
        ("TOOL = 1", "measure = thing:TOOL", "is a int: expected a Tool of agent_tools.tools.tool."),
        ("TOOL = 1", "measure = thing:NONE", "cannot be imported (AttributeError"),
        (GOOD.replace("measure", "count"), "measure = thing:TOOL", "is named count as another tool is: expected a na"),
        (GOOD.replace("def measure", "def Measure").replace("of(measure", "of(Measure"), "measure = thing:TOOL",
         "is named 'Measure': expected lower case letters, digits and _."),
        (GOOD.replace('"""How', 'x = """How'), "measure = thing:TOOL", "has no description: expected a docstring"),
        (GOOD.replace("(Arguments)", "(__import__('pydantic').BaseModel)"), "measure = thing:TOOL",
         "takes other arguments: expected a model made from agent_tools.tools.arguments."),
        (GOOD.replace("Names | None", "'MeasureArguments | None'"), "measure = thing:TOOL",
         "has no schema (RecursionError): expected plain arguments."),
    ],
    ids=["import", "exit", "no tool", "no name", "shadows", "name", "description", "arguments", "schema"],
)  # fmt: skip
def test_tool_that_cannot_be_used_is_left_out_with_a_notice(
    install: Install, caplog: pytest.LogCaptureFixture, source: str, entry: str, words: str
) -> None:
    install(source, tools=entry)
    install(GOOD.replace("measure", "weigh"), tools="weigh = thing:TOOL")
    with caplog.at_level(logging.WARNING):
        assert [tool.name for tool in plugged_tools(BUILT_IN)] == ["weigh"], "the others are there all the same"
    (notice,) = caplog.messages
    assert notice.startswith("tools=measure (thing_")
    assert "of askmask-thing0 1.0) " + words in notice
    assert notice.endswith("Update or uninstall that package.")


def test_second_tool_of_a_name_is_left_out(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    install(GOOD, tools="measure = thing:TOOL")
    install(GOOD, tools="measure = thing:TOOL")
    assert [tool.name for tool in plugged_tools(BUILT_IN)] == ["measure"]
    assert "of askmask-thing1 1.1) is named measure as another tool is" in caplog.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 1 / 0", "failed (ZeroDivisionError: division by zero)"),
        ("return 'm1'", "gave a str"),
        ("return ToolResult('here', {'mask': object()})", "gave data that is not JSON"),
    ],
)
def test_tool_of_another_package_that_fails_names_the_package(
    install: Install, own_data_folder: Path, body: str, words: str
) -> None:
    folder = install(GOOD.replace("things = context", f"{body}\n    things = context"), tools="measure = thing:TOOL")
    script = "from agent_tools import VisionToolkit\nVisionToolkit().call('measure')"
    done = python(folder, script, own_data_folder)
    assert f"ServiceError: tool=measure of askmask-thing0 1.0 {words}" in done.stderr


def test_broken_package_breaks_no_import_and_the_command_line_says_so(install: Install, own_data_folder: Path) -> None:
    folder = install("import nothing_of_that_name", tools="measure = thing:TOOL", planners="clever = thing:plan")
    quiet = python(folder, "import agent_tools; from agent_tools import VisionToolkit", own_data_folder)
    assert (quiet.returncode, quiet.stdout) == (0, "")
    planned = "import sys; from workflows.cli import main; sys.exit(main(['plan', 'count the apples', '--json']))"
    done = python(folder, planned, own_data_folder)
    assert (done.returncode, json.loads(done.stdout)["calls"][0]["tool"]) == (0, "count")
    examined = python(folder, "from workflows.cli import main; main(['doctor', '--json'])", own_data_folder)
    checks = {check["name"]: check for check in json.loads(examined.stdout)["checks"]}
    for name in ("tool measure", "planner clever"):
        assert not checks[name]["ok"]
        assert "cannot be imported (ModuleNotFoundError" in checks[name]["found"]


PLANNER = """
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
def plan():
    return GenericFakeChatModel(messages=iter([]))
def fail():
    return 1 / 0
def number():
    return 3
"""


def test_planner_of_another_package_is_found_by_its_name(install: Install) -> None:
    install(PLANNER, planners="clever = thing:plan")
    assert planner_names() == ["clever"]
    planner = plugged_planner("clever")
    assert type(planner).__name__ == "GenericFakeChatModel"
    assert plugged_planner("openai") is None


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("fail", r"failed when called \(ZeroDivisionError: .*\): expected a LangChain chat model\."),
        ("number", "gave a int: expected a LangChain chat model"),
        ("missing", "cannot be imported"),
    ],
)
def test_planner_that_is_none_is_refused(install: Install, entry: str, words: str) -> None:
    install(PLANNER, planners=f"clever = thing:{entry}")
    with pytest.raises(ConfigError, match=r"planners=clever \(thing_.* of askmask-thing0 1\.0\) " + words):
        plugged_planner("clever")


def test_models_of_another_package_are_found_by_their_names(install: Install) -> None:
    install(
        "from agent_tools.services.fakes import FakeDetector, FakeSegmenter",
        detectors="colours = thing:FakeDetector",
        segmenters="patches = thing:FakeSegmenter",
    )
    services = load_services("demo", detector="colours", segmenter="patches")
    assert (services.detector_name, services.segmenter_name, services.preset) == ("colours", "patches", "custom")
    assert services.detector.threshold == 0.5
