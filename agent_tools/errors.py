"""The errors askmask raises, and who each of them is for.

    AskmaskError
    ├── ToolInputError      a smarter planner could have avoided it: it is shown to the planner, which tries again
    │   ├── PictureError    a picture cannot be opened or used (also shown to the person who gave it)
    │   └── HandleError     a handle, gesture or picture name that does not exist
    ├── ServiceError        a model or a server failed: it is shown to the person
    │   ├── OutOfMemoryError
    │   └── BusyError       more is asked of the models than they can do just now: says when to try again
    ├── ConfigError         a setting, preset, key or file given by the person is wrong: it is shown to the person
    └── MemoryStoreError    the conversation could not be read or written: it is shown to the person
        └── ConflictError   another process changed the conversation in the meantime

Every message has one form: ``<name>=<value> <what is wrong>: expected <constraint>. <next step>.``
This module does not know how an error is shown.
"""

from __future__ import annotations


class AskmaskError(Exception):
    """Base of every error that askmask raises on purpose."""


class ToolInputError(AskmaskError):
    """Arguments that a better plan would not have contained. Goes back to the planner as a tool error."""


class PictureError(ToolInputError):
    """A picture that cannot be opened: missing, not a picture, damaged, too large, of a format not allowed."""


class HandleError(ToolInputError):
    """A handle that names nothing in this conversation."""


class ServiceError(AskmaskError):
    """A model or server failed through no fault of the request."""


class OutOfMemoryError(ServiceError):
    """The device had no memory left for the work asked of it."""


class BusyError(ServiceError):
    """The models have as much waiting as they may keep waiting.

    Attributes:
        retry_after: seconds after which trying again may succeed.
    """

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message, retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.args[0])


class ConfigError(AskmaskError):
    """A setting, preset, model name or key is missing or wrong."""


class MemoryStoreError(AskmaskError):
    """The store of the conversation cannot be opened, read or written."""


class ConflictError(MemoryStoreError):
    """Another process committed a turn of this conversation after this turn began, or what was to be read of an earlier
    state was forgotten since.
    """


def shorten(value: object, limit: int = 80) -> str:
    """`value` as text for an error message, cut in the middle when it is longer than `limit` characters."""
    text = str(value)
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return f"{text[:half]}…{text[-half:]}"
