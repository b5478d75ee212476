"""Asks a model again where that may help. It does not know what is asked, nor how waiting is told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

from agent_tools.errors import AskmaskError
from agent_tools.settings import settings
from workflows.agent_loop.budget import Spent
from workflows.agent_loop.model_errors import explained, passes, wait_before

T = TypeVar("T")


def _sleep(delay: float, _: Exception) -> None:
    time.sleep(delay)


def asked_again(
    ask: Callable[[], T],
    model: str,
    *,
    left: Callable[[], float] = lambda: math.inf,
    wait: Callable[[float, Exception], object] = _sleep,
) -> T:
    """What `ask` gives, at the first of `llm_retries` further tries where it gives anything.

    Args:
        ask: Asks the model once.
        model: Its name, as the person gave it.
        left: Seconds that may still be waited.
        wait: Waits that many seconds, after that error.

    Raises:
        AskmaskError: what `ask` raises of these, or what any other error of its last try means to a person.
        Spent: likewise.
    """
    for tries in range(settings().llm_retries + 1):
        try:
            return ask()
        except (AskmaskError, Spent):
            raise
        except Exception as error:  # noqa: BLE001, every provider has errors of its own
            delay = wait_before(error, tries)
            if not passes(error) or tries == settings().llm_retries or delay >= left():
                raise explained(error, model) from None
            wait(delay, error)
    raise AssertionError("the last try returns or raises")
