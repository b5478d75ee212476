"""The tools as LangChain tools.

A tool's text goes to the model and its data along as the artifact, which holds handles, numbers and run-length masks
and is JSON-able, so that a checkpoint can keep it. A wrong argument comes back to the model as a message with status
"error"; every other error is raised, because no plan can mend it. This module does not know what any tool does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, ToolException
from pydantic import BaseModel

from agent_tools.errors import ToolInputError
from agent_tools.toolkit import VisionToolkit
from agent_tools.tools.registry import TOOLS, find_tool, schema, short_schema

_call_id: ContextVar[str | None] = ContextVar("askmask_call_id", default=None)


class _LangChainTool(BaseTool):
    """One tool of the registry. Arguments are checked by the registry, so that every error has one form."""

    toolkit: Any
    once: bool = True
    seen: Callable[[bytes], None] | None = None
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: bool = True

    def run(self, tool_input: str | dict[str, Any], *args: Any, tool_call_id: str | None = None, **kwargs: Any) -> Any:
        """Run the tool; the call's id travels beside the arguments, where no model can write it."""
        token = _call_id.set(tool_call_id)
        try:
            return super().run(tool_input, *args, tool_call_id=tool_call_id, **kwargs)
        finally:
            _call_id.reset(token)

    async def arun(
        self, tool_input: str | dict[str, Any], *args: Any, tool_call_id: str | None = None, **kwargs: Any
    ) -> Any:
        """As `run`, in a thread."""
        token = _call_id.set(tool_call_id)
        try:
            return await super().arun(tool_input, *args, tool_call_id=tool_call_id, **kwargs)
        finally:
            _call_id.reset(token)

    def get_input_schema(self, config: RunnableConfig | None = None) -> type[BaseModel]:  # noqa: ARG002
        """The model of the arguments; `args_schema` is its short form, for language models."""
        return find_tool(self.name).arguments

    def _run(self, **arguments: Any) -> tuple[str, dict[str, Any]]:
        try:
            result = self.toolkit.call(self.name, arguments, _call_id.get() if self.once else None)
        except ToolInputError as error:
            raise ToolException(str(error)) from error
        if result.preview and self.seen is not None:
            self.seen(result.preview)
        return result.text, result.data


def langchain_tools(
    toolkit: VisionToolkit,
    short: bool = False,
    once: bool = True,
    seen: Callable[[bytes], None] | None = None,
) -> list[BaseTool]:
    """Every tool of the registry, working on one conversation.

    Args:
        toolkit: the conversation. Calls are run one after the other, whatever threads a framework makes them in; give
            the framework ``max_concurrency=1`` to have calls of one message run in the order in which they stand there.
        short: whether the schemas are the short ones, a third fewer tokens for a model that gets all tools together.
        once: whether a call whose id is known is answered as it was then, as graphs need that are resumed. Some servers
            number the calls of every answer afresh; where nothing is resumed, False lets each of them run.
        seen: is given each JPEG that a tool drew; it is in no message and no artifact.
    """
    described = short_schema if short else schema
    return [
        _LangChainTool(
            name=tool.name,
            description=tool.description,
            args_schema=described(tool),
            toolkit=toolkit,
            once=once,
            seen=seen,
        )
        for tool in TOOLS.values()
    ]
