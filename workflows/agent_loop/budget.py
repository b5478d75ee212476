"""What one request may cost, and what it has cost so far.

This module does not know which model is asked, nor what ends a turn when the budget is spent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.messages.utils import count_tokens_approximately

from agent_tools.errors import AskmaskError
from agent_tools.settings import settings


class Cancelled(AskmaskError):  # noqa: N818 (the person wanted it)
    """The person stopped the request; nothing of its turn was kept."""


class Spent(Exception):  # noqa: N818 (no error: the turn ends with what is known)
    """The time of a request is over while a model is answering."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that one request may cost.

    Attributes:
        calls: tool calls.
        seconds: wall time; checked before each step and while a model writes, so that a tool at work is waited for.
        tokens: read and written by the model together.
        dollars: None: no limit. Counted where `prices` are given.
        prices: dollars a million tokens read, and written; None: not known.
    """

    calls: int = 24
    seconds: float = 300.0
    tokens: int = 200_000
    dollars: float | None = None
    prices: tuple[float, float] | None = None

    @classmethod
    def configured(cls) -> Budget:
        """The budget of the settings."""
        now = settings()
        return cls(now.max_tool_calls, now.max_turn_seconds, now.max_turn_tokens, now.max_turn_dollars, now.llm_prices)


class Meter:
    """What one request has cost.

    Attributes:
        calls: tools called so far.
        read: tokens the model read, by its own account or estimated.
        written: tokens it wrote.
        model_seconds: wall time in model calls, waits included.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.calls = self.read = self.written = 0
        self.model_seconds = 0.0
        self.cancelled = threading.Event()
        self._began = time.monotonic()

    @property
    def dollars(self) -> float | None:
        """Money spent; None where no prices are known."""
        if self.budget.prices is None:
            return None
        return (self.read * self.budget.prices[0] + self.written * self.budget.prices[1]) / 1e6

    @property
    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.budget.seconds - (time.monotonic() - self._began))

    def count_tokens(self, asked: Sequence[AnyMessage], answer: AIMessage) -> tuple[int, int]:
        """Add what a model call read and wrote, and return it; estimated where the model does not tell."""
        used = answer.usage_metadata
        read = used["input_tokens"] if used else count_tokens_approximately(asked)
        written = used["output_tokens"] if used else count_tokens_approximately([answer])
        self.read, self.written = self.read + read, self.written + written
        return read, written

    def heed_cancel(self) -> None:
        """Raise `Cancelled` if the person stopped the request."""
        if self.cancelled.is_set():
            raise Cancelled("request=(stopped) is not answered: expected nothing more. Nothing was kept; ask again.")

    def check(self) -> None:
        """To be called while a model writes.

        Raises:
            Cancelled: the person stopped it.
            Spent: the time is over.
        """
        self.heed_cancel()
        if not self.left:
            raise Spent

    def over(self) -> str | None:
        """What of the budget is spent, in words; None: there is some left."""
        budget, dollars = self.budget, self.dollars
        if self.calls >= budget.calls:
            return f"{budget.calls} tool calls"
        if not self.left:
            return f"{budget.seconds:g} seconds"
        if self.read + self.written >= budget.tokens:
            return f"{budget.tokens} tokens"
        if budget.dollars is not None and dollars is not None and dollars >= budget.dollars:
            return f"{budget.dollars:g} dollars"
        return None
