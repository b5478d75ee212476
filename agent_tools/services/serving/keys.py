"""Which keys the clients of a model server may send, and when they have to. This module does not know HTTP."""

from __future__ import annotations

import ipaddress

from agent_tools.errors import ConfigError
from agent_tools.settings import Settings

SHORTEST_KEY = 16


def is_loopback(host: str) -> bool:
    """Whether an address can only be reached from this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_keys(rules: Settings, wanted: bool) -> tuple[str, ...]:
    """The keys that clients may send.

    Args:
        rules: where they are.
        wanted: whether there has to be one.

    Raises:
        ConfigError: there is none where there has to be, or one is too short to be a secret.
    """
    keys = tuple(key.get_secret_value() for key in rules.serve_keys)
    if wanted and not keys:
        raise ConfigError(
            "ASKMASK_SERVE_KEYS= is not set: expected a secret, as the server can be reached from other machines. "
            "Set it where the server runs, or leave --host out."
        )
    if any(len(key) < SHORTEST_KEY for key in keys):
        raise ConfigError(
            f"ASKMASK_SERVE_KEYS=(hidden) has a short one: expected {SHORTEST_KEY} characters or more. Set longer ones."
        )
    return keys
