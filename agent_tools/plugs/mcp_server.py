"""The tools as a server of the Model Context Protocol, over stdio or streamable HTTP.

A client's session is one conversation, and no other client sees it. Where the protocol has no sessions (HTTP as of
2026-07-28), the conversation's id is an argument of every tool: the first result names it, the model passes it on.
Each call is a turn of its own, so ``undo`` takes back one call; a call that the client cancels leaves nothing behind.
An error comes back as a result marked as one: what a better call avoids is told to the model, everything else is for
the person. This module does not know what any tool does.
"""

from __future__ import annotations

import base64
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import DEFAULT_MAX_SESSIONS
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.types import ASGIApp

from agent_tools.errors import AskmaskError, ConfigError, ToolInputError, shorten
from agent_tools.memory import Memory
from agent_tools.plugs.mcp_contents import JPEG, KINDS, Described, address, bounded, data_of, read, resources_of
from agent_tools.settings import Settings
from agent_tools.toolkit import SharedModels, VisionToolkit
from agent_tools.tools.registry import TOOLS, schema
from agent_tools.tools.results import ToolResult
from agent_tools.tools.tool import Tool

_log = logging.getLogger(__name__)
T = TypeVar("T")

REMINDER_SECONDS = 5.0
"""How often a client hears that a model is still at work; many give up on a server that is silent for a minute."""
PAGE = 100
"""Resources listed at a time."""
INSTRUCTIONS = (
    "Finds, outlines and counts things in pictures by phrases (English, lower case, singular: 'red apple'), and "
    "remembers them as handles: pictures p1, objects m1, m2, ... Open a picture first. Later calls refer to handles or "
    "to the selection. Numbers come from results only; name low, high and borderline where a count is unsure."
)
_CONVERSATION = {"type": "string", "description": "Id from the first result; leave out to begin anew."}
_OUTPUT = {
    "type": "object",
    "properties": {
        "conversation": {"type": "string"},
        "objects": {"type": "array", "items": {"type": "object"}},
        "counts": {"type": "object"},
        "selection": {"type": "array", "items": {"type": "string"}},
        "left_out": {"type": "object"},
    },
    "required": ["conversation"],
}


@dataclass
class _Session:
    """One client: its conversation, and the lock that has its calls run in the order they came."""

    conversation: str | None = None
    in_order: anyio.Lock = field(default_factory=anyio.Lock)


class _Sessions:
    """The sessions of one transport: of a pipe the only one, of HTTP those whose ids the transport has checked."""

    def __init__(self, first: str | None) -> None:
        self._first = first
        self._known: OrderedDict[str, _Session] = OrderedDict()

    def of(self, context: Context) -> _Session | None:
        """Whose request this is; None where the protocol has no sessions."""
        if context.request is None:
            return self._known.setdefault("", _Session(self._first))
        if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return None
        name = context.request.headers.get("mcp-session-id")
        if name is None:
            return None
        session = self._known.setdefault(name, _Session())
        self._known.move_to_end(name)
        if len(self._known) > DEFAULT_MAX_SESSIONS:
            self._known.popitem(last=False)
        return session


Context = ServerRequestContext[_Sessions, Any]


class VisionServer:
    """Serves the registry's tools on one memory and one pair of models."""

    def __init__(
        self,
        models: SharedModels,
        memory: Memory,
        *,
        conversation: str | None = None,
        rules: Settings | None = None,
    ) -> None:
        """Nothing is served yet, and no model is loaded.

        Args:
            models: shared by all clients.
            memory: where every client's conversation is kept.
            conversation: id of one to go on with, where there is one client only (stdio).
            rules: what tools may do, such as the folders to open pictures from; None: the settings of this process.

        Raises:
            ConfigError: no such conversation.
        """
        if conversation is not None:
            memory.state(conversation)
        self._models, self._memory, self._rules = models, memory, rules
        first = conversation

        @asynccontextmanager
        async def sessions(_: Server[_Sessions]) -> AsyncIterator[_Sessions]:
            yield _Sessions(first)

        self.server: Server[_Sessions] = Server(
            "askmask",
            version=_version(),
            title="askmask",
            instructions=INSTRUCTIONS,
            lifespan=sessions,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )

    def http_app(self, path: str, names: Iterable[str]) -> ASGIApp:
        """This server as an application for one HTTP server.

        Args:
            path: where it answers.
            names: those of this machine that a request's Host and Origin may hold, with any port.
        """
        own = [f"{name}{end}" for name in names for end in ("", ":*")]
        checks = TransportSecuritySettings(
            allowed_hosts=own, allowed_origins=[f"{scheme}://{name}" for scheme in ("http", "https") for name in own]
        )
        app: ASGIApp = self.server.streamable_http_app(streamable_http_path=path, transport_security=checks)
        return app

    async def serve_stdio(self) -> None:
        """Serve one client over this process's stdin and stdout, until it goes."""
        async with stdio_server() as (incoming, outgoing):
            await self.server.run(incoming, outgoing, self.server.create_initialization_options())

    async def _list_tools(self, context: Context, _: Any) -> types.ListToolsResult:
        sessionless = context.lifespan_context.of(context) is None
        return types.ListToolsResult(tools=[_described(tool, sessionless) for tool in TOOLS.values()])

    async def _call_tool(self, context: Context, asked: types.CallToolRequestParams) -> types.CallToolResult:
        arguments = dict(asked.arguments or {})
        named = None if _has_own_conversation(asked.name) else arguments.pop("conversation", None)
        session = context.lifespan_context.of(context)
        place = session or _Session()
        try:
            async with place.in_order:
                wanted = place.conversation if named is None else named
                conversation = await _in_thread(lambda: self._conversation(wanted))
                place.conversation = conversation
                result = await self._run(context, conversation, asked.name, arguments)
        except AskmaskError as error:
            return _failed(error)
        except Exception as error:  # noqa: BLE001 (a defect ends the call, not the server)
            _log.exception("a tool failed: %s", shorten(asked.name))
            return _failed(error)
        told = session is None and named is None
        return _answer(conversation, result, f"Conversation {conversation}: pass it with every call." if told else "")

    def _conversation(self, wanted: Any) -> str:
        """The id of a conversation that is there; a new one where none is wanted."""
        if wanted is None:
            return self._memory.create()
        try:
            self._memory.state(wanted)
        except ConfigError as error:
            # A model wrote it, so a better call mends it.
            raise ToolInputError(str(error)) from None
        return str(wanted)

    async def _run(self, context: Context, conversation: str, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Run a tool in a thread, as a turn; a call that was cancelled meanwhile drops the turn."""
        steps, doing = count(1), "working"

        async def report(what: str) -> None:
            nonlocal doing
            doing = what
            await context.session.report_progress(next(steps), None, what)

        def tell(what: str) -> None:
            anyio.from_thread.check_cancelled()
            anyio.from_thread.run(report, what)

        def call() -> ToolResult:
            toolkit = VisionToolkit(
                services=self._models, memory=self._memory, conversation=conversation, rules=self._rules
            )
            with toolkit.turn(name):
                result = toolkit.call(name, arguments, progress=tell)
                anyio.from_thread.check_cancelled()
            return result

        async def remind() -> None:
            while True:
                await anyio.sleep(REMINDER_SECONDS)
                await report(doing)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(remind)
            done = await _in_thread(lambda: _caught(call))
            tasks.cancel_scope.cancel()
        if isinstance(done, Exception):
            raise done
        return done

    async def _list_resources(
        self, context: Context, asked: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        session = context.lifespan_context.of(context)
        conversation = session.conversation if session else None
        if conversation is None:
            return types.ListResourcesResult(resources=[])
        cursor = (asked.cursor if asked else None) or "0"
        if not cursor.isdecimal():
            raise MCPError(types.INVALID_PARAMS, f"cursor={shorten(cursor)} is none of ours: expected the one given.")
        listed = list(resources_of(await _in_thread(lambda: self._memory.state(conversation))))
        first = int(cursor)
        last = first + PAGE
        return types.ListResourcesResult(
            resources=[_resource(one) for one in listed[first:last]],
            next_cursor=str(last) if last < len(listed) else None,
        )

    async def _list_templates(self, _: Context, __: Any) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(
                    uri_template=kind.address, name=kind.name, description=kind.description, mime_type=kind.kind
                )
                for kind in KINDS
            ]
        )

    async def _read_resource(self, _: Context, asked: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        uri = str(asked.uri)
        try:
            kind, content = await _in_thread(lambda: read(self._memory, uri))
        except (ToolInputError, ConfigError) as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from None
        except AskmaskError as error:
            raise MCPError(types.INTERNAL_ERROR, str(error)) from None
        if isinstance(content, str):
            return types.ReadResourceResult(
                contents=[types.TextResourceContents(uri=uri, mime_type=kind, text=content)]
            )
        blob = base64.b64encode(content).decode()
        return types.ReadResourceResult(contents=[types.BlobResourceContents(uri=uri, mime_type=kind, blob=blob)])


async def _in_thread(work: Callable[[], T]) -> T:
    """Wait for blocking work; not given up when cancelled, so that nothing goes on in the background."""
    return await anyio.to_thread.run_sync(work)


def _caught(work: Callable[[], T]) -> T | Exception:
    """What work gives, or what it raises: within a group of tasks an error would come out as a group of errors."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 (raised again by the caller)
        return error


def _version() -> str:
    try:
        return version("askmask")
    except PackageNotFoundError:
        return ""


def _has_own_conversation(name: str) -> bool:
    return name in TOOLS and "conversation" in schema(TOOLS[name])["properties"]


def _described(tool: Tool, sessionless: bool) -> types.Tool:
    takes = schema(tool)
    if sessionless and not _has_own_conversation(tool.name):
        takes["properties"] = {**takes["properties"], "conversation": _CONVERSATION}
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=takes,
        output_schema=_OUTPUT,
        annotations=types.ToolAnnotations(
            read_only_hint=not tool.changes, destructive_hint=tool.erases, open_world_hint=False
        ),
    )


def _answer(conversation: str, result: ToolResult, note: str) -> types.CallToolResult:
    """A result as text for the model, data for programs, and a preview for the person: drawn, or by its address."""
    content: list[types.ContentBlock] = [types.TextContent(text=f"{bounded(result.text)} {note}".strip())]
    picture = result.data.get("picture") or next((each.get("picture") for each in result.data.get("objects", ())), None)
    if result.preview is not None:
        drawn = base64.b64encode(result.preview).decode()
        content.append(types.ImageContent(data=drawn, mime_type=JPEG, annotations=types.Annotations(audience=["user"])))
    elif isinstance(picture, str) and result.data.get("objects"):
        content.append(
            types.ResourceLink(uri=address(conversation, picture, "jpg"), name=f"preview of {picture}", mime_type=JPEG)
        )
    return types.CallToolResult(content=content, structured_content=data_of(conversation, result.data))


def _failed(error: Exception) -> types.CallToolResult:
    """An error as a result: to be mended by the model, or to be passed on to the person."""
    if isinstance(error, ToolInputError):
        said = str(error)
    elif isinstance(error, AskmaskError):
        said = f"{error} Tell the person; another call will not help."
    else:
        said = f"askmask has a defect ({type(error).__name__}); its error output says where. Tell the person."
    return types.CallToolResult(
        content=[types.TextContent(text=bounded(said))],
        structured_content={"error": {"type": type(error).__name__, "message": bounded(said)}},
        is_error=True,
    )


def _resource(one: Described) -> types.Resource:
    return types.Resource(uri=one.address, name=one.name, mime_type=one.kind)
