"""Takes down what a language model answers, and answers from that later, without any model.

A recording is a text file of JSON lines, one an answer: the request it belongs to and its place in the turn, the words
and the tool calls. The tools are run afresh when it is replayed, on whatever models and pictures are there. It holds no
key, no picture and nothing of the provider. This module does not know how a turn is run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from agent_tools.errors import ConfigError, shorten


class Recorder:
    """Appends each answer to a file, so that what was said before a crash is there.

    Raises:
        ConfigError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._request, self._step = "", 0
        self._append("")

    def begin(self, request: str) -> None:
        """Start on a request."""
        self._request, self._step = request, 0

    def add(self, answer: AIMessage) -> None:
        """Take down one answer of the model."""
        calls = [{"name": call["name"], "args": call["args"], "id": call["id"]} for call in answer.tool_calls]
        line = {"request": self._request, "step": self._step, "text": answer.text, "calls": calls}
        self._append(json.dumps(line, ensure_ascii=False) + "\n")
        self._step += 1

    def _append(self, text: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise ConfigError(
                f"record={shorten(self._path)} cannot be written ({error.strerror}): expected a file of yours. "
                "Name another."
            ) from error


class ReplayedModel(BaseChatModel):
    """Answers as was recorded, in order."""

    path: Path
    _lines: list[dict[str, Any]] = PrivateAttr(default_factory=list)
    _next: int = PrivateAttr(default=0)

    def model_post_init(self, _: Any) -> None:
        """Read the recording.

        Raises:
            ConfigError: it cannot be read, or is none.
        """
        try:
            lines = [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines() if line.strip()]
            for line in lines:
                AIMessage(line["text"], tool_calls=line["calls"])
                str(line["request"]), int(line["step"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = getattr(error, "strerror", None) or "it is not what --record writes"
            raise ConfigError(
                f"replay={shorten(self.path)} cannot be read ({reason}): expected a recording. Make one with --record."
            ) from error
        self._lines = lines

    @property
    def _llm_type(self) -> str:
        return "askmask-replay"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> ReplayedModel:  # noqa: ARG002
        """This model; the recording has its calls already."""
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:  # noqa: ARG002
        asked = [each for each in messages if isinstance(each, HumanMessage) and each.name != "askmask"][-1].text
        line = self._lines[self._next] if self._next < len(self._lines) else None
        if line is None or line["request"] != asked:
            raise ConfigError(
                f"request={shorten(asked)!r} is not what was recorded next "
                f"({shorten(line['request']) if line else 'the end'}): expected the same requests in the same order. "
                "Replay the script that the recording was made with."
            )
        self._next += 1
        return ChatResult(generations=[ChatGeneration(message=AIMessage(line["text"], tool_calls=line["calls"]))])
