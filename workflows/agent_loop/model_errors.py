"""What goes wrong with a model that is asked over a network: whether to try again, and how to say it to a person.

Providers raise errors of their own classes; what they share is looked at: a status, headers, names. Nothing that a
provider wrote about a key is ever passed on. This module does not know what was asked.
"""

from __future__ import annotations

import os
import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

from agent_tools.errors import AskmaskError, ConfigError, ServiceError, shorten

_TRY_AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_TRANSIENT = re.compile(r"timeout|connect|protocolerror|readerror|writeerror|networkerror|^apierror", re.I)
_SPENT = re.compile(r"insufficient_quota|billing|credit balance|exceeded your current quota", re.I)
_TOO_LONG = re.compile(r"context_length|context length|maximum context|too many tokens|prompt is too long", re.I)
_KEY_NAMES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)", re.I)
_KEY_LIKE = re.compile(r"\b(?:sk|pk|key|xai|gsk|AIza)[-_]?[A-Za-z0-9*_-]{8,}")


def status_of(error: BaseException) -> int | None:
    """The HTTP status of an error; None where there was no answer."""
    status = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) and status >= 400 else None


def passes(error: BaseException) -> bool:
    """Whether the same question may well be answered if it is asked again; an answer that clients choke on counts."""
    status = status_of(error)
    if status is not None:
        return status in _TRY_AGAIN and not _SPENT.search(str(error))
    return isinstance(error, ValueError) or any(_TRANSIENT.search(each.__name__) for each in type(error).__mro__)


def wait_before(error: BaseException, tries: int) -> float:
    """Seconds to wait before another try: what the server asks for, else twice as long each time."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            return max(0.0, float(value) * unit)
        except ValueError:
            try:
                return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
            except (TypeError, ValueError):
                continue
    return float(0.5 * 2**tries)


def why(error: BaseException) -> str:
    """An error in a few words: "busy (429)", "no answer in time"."""
    status, name = status_of(error), type(error).__name__
    if status == 429:
        return "busy (429)"
    if status is not None:
        return f"answered {status}"
    if isinstance(error, ValueError):
        return "gave an answer that cannot be read"
    if re.search("timeout", name, re.I):
        return "no answer in time"
    if re.search("connect", name, re.I) and "Incomplete" not in str(error) and "peer closed" not in str(error):
        return "cannot be reached"
    return "broke off in the middle"


def explained(error: BaseException, model: str) -> AskmaskError:
    """The error as one of ours: what is wrong with `model`, the way a person named it, and what to do next."""
    status, told = status_of(error), str(error)
    if status in (401, 403):
        return ConfigError(f"llm={model} refused the key ({status}): expected a valid one. Set it in the environment.")
    if _SPENT.search(told):
        return ConfigError(f"llm={model} has no credit left: expected a paid account. Top it up, or use another model.")
    if status == 404:
        return ConfigError(f"llm={model} is not there (404): expected a model the server offers. Check its name.")
    if _TOO_LONG.search(told):
        return ServiceError(f"llm={model} cannot read this much: expected a shorter talk. Begin a new conversation.")
    if status is not None and status not in _TRY_AGAIN:
        return ServiceError(
            f"llm={model} refused the request ({status}: {redacted(told)}): expected an answer. Reword it."
        )
    return ServiceError(
        f"llm={model} {why(error)}: expected an answer. Try again later, or leave --llm out to plan without a key."
    )


def redacted(text: str) -> str:
    """`text` on one line, shortened, without anything that looks like a key or is one in the environment."""
    for name, value in os.environ.items():
        if len(value) >= 8 and _KEY_NAMES.search(name):
            text = text.replace(value, "(hidden)")
    return shorten(" ".join(_KEY_LIKE.sub("(hidden)", text).split()), 200)
