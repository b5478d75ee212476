"""Planners that other packages add (entry points ``askmask.planners``, each a function that gives a chat model).

``--llm NAME`` takes their names. This module does not know how any of them plans.
"""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from agent_tools.entry_points import load, plugged, unusable
from agent_tools.errors import AskmaskError, shorten


def plugged_planner(name: str) -> BaseChatModel | None:
    """The planner of an installed package; None where none has that name.

    Raises:
        ConfigError: it cannot be imported, fails, or gives something else than a chat model.
    """
    for entry in plugged("planners", name):
        factory = load("planners", entry)
        try:
            planner = factory()
        except AskmaskError:
            raise
        except Exception as error:
            why = f"failed when called ({type(error).__name__}: {shorten(error, 160)})"
            raise unusable("planners", entry, why, "a LangChain chat model") from error
        if not isinstance(planner, BaseChatModel):
            raise unusable("planners", entry, f"gave a {type(planner).__name__}", "a LangChain chat model")
        return planner
    return None


def planner_names() -> list[str]:
    """The names that installed packages add to ``--llm``; nothing is imported."""
    return [entry.name for entry in plugged("planners")]
