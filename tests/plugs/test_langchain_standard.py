"""LangChain's own standard tests of a tool, for every tool of the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import BaseTool
from langchain_tests.unit_tests import ToolsUnitTests

from agent_tools.memory import Memory
from agent_tools.plugs.for_langchain import langchain_tools
from agent_tools.toolkit import VisionToolkit
from agent_tools.tools.registry import TOOLS
from tests.plugs.conftest import drawn, fakes

EXAMPLES: dict[str, dict[str, Any]] = {
    "open_picture": {"source": "p1"},
    "ground": {"phrases": ["red"]},
    "segment": {"phrases": ["red"], "where": {"side": "left"}},
    "count": {"phrases": ["red", "blue"]},
    "refine_with_point": {"handle": "m1", "point": [5, 5]},
    "switch_mask": {"to": "bigger"},
    "find_similar": {"handles": ["m1"]},
    "select": {"handles": ["m1"], "combine": "add"},
    "edit": {"action": "blur", "handles": ["m1"]},
    "show": {"handles": ["m1"]},
    "forget": {"handles": ["m1"]},
}
"""Arguments of those tools that need or take some."""


@pytest.mark.parametrize("_name", TOOLS)
class TestTools(ToolsUnitTests):
    @pytest.fixture(autouse=True)
    def _one_tool(self, _name: str, tmp_path: Path) -> Any:
        with Memory(tmp_path / "memory") as memory:
            toolkit = VisionToolkit(services=fakes(), memory=memory)
            toolkit.open_picture(drawn())
            self._tool = next(tool for tool in langchain_tools(toolkit) if tool.name == _name)
            yield

    @property
    def tool_constructor(self) -> BaseTool:
        return self._tool

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return EXAMPLES.get(self._tool.name, {})
