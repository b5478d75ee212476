"""Files that appear whole or not at all: written beside their place, then renamed into it.

This module does not know what is written.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_tools.errors import ConfigError, shorten


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to, whose file takes the place of `path` when the block ends without an error.

    Raises:
        ConfigError: it cannot be written: no space, no permission, or another program holds the file open.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with draft.open("r+b") as written:
            os.fsync(written.fileno())
        draft.replace(path)
    except PermissionError as error:
        raise ConfigError(
            f"file={shorten(path)} may not be written: expected a file that no other program holds open, in a folder "
            "with permission. Close it, such as in Excel, and run again."
        ) from error
    except OSError as error:
        raise ConfigError(
            f"file={shorten(path)} cannot be written ({error.strerror or error}): expected space and permission. "
            "Make room, or name another folder."
        ) from error
    finally:
        draft.unlink(missing_ok=True)
