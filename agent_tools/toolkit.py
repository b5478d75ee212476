"""A conversation's tools in one object: what a program calls, and what every plug and face of askmask is built on.

This module does not know any framework, nor what the tools do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agent_tools import pictures
from agent_tools.errors import ToolInputError, shorten
from agent_tools.memory import Memory, OpenedPicture, State, Turn, TurnRecord
from agent_tools.memory.records import GestureKind
from agent_tools.pictures import Picture, Source
from agent_tools.services.base import Services
from agent_tools.settings import Settings, settings
from agent_tools.tools.context import ToolContext
from agent_tools.tools.registry import find_tool, run_tool
from agent_tools.tools.results import ToolResult

if TYPE_CHECKING:
    from agent_tools.editing import Edited, EditedPictures
    from agent_tools.inpainting import Inpainter


class SharedModels:
    """Models that are loaded at first need, once, for the toolkits of any number of conversations."""

    def __init__(
        self,
        models: str | None = None,
        *,
        detector: str | None = None,
        segmenter: str | None = None,
        device: str | None = None,
        services: Services | None = None,
        inpainter: str | None = None,
    ) -> None:
        """Remember which; arguments as for `VisionToolkit`."""
        self._names = {"preset": models, "device": device, "detector": detector, "segmenter": segmenter}
        self._inpainter_name = inpainter
        self._inpainter: tuple[Inpainter | None] | None = None
        self._edited: EditedPictures | None = None
        self._loading = threading.Lock()
        self.loaded = services

    def load(self) -> Services:
        """The models; the first call loads them.

        Raises:
            ConfigError: no such models.
            ServiceError: they cannot be loaded.
        """
        with self._loading:
            if self.loaded is None:
                from agent_tools.services.presets import load_services

                self.loaded = load_services(**self._names)
            return self.loaded

    def inpainter(self) -> Inpainter | None:
        """What fills holes, loaded by the first call; None: patches of the picture itself.

        Raises:
            ConfigError: no such inpainter.
        """
        with self._loading:
            if self._inpainter is None:
                from agent_tools.services.factories import build_inpainter

                rules = settings()
                name, device = self._inpainter_name or rules.inpainter, self._names["device"] or rules.device
                self._inpainter = (build_inpainter(name, device),)
            return self._inpainter[0]

    @property
    def edited(self) -> EditedPictures:
        """Edited pictures of all conversations that share these models."""
        with self._loading:
            if self._edited is None:
                from agent_tools.editing import EditedPictures

                self._edited = EditedPictures(int(settings().edited_cache_megabytes * 1e6))
            return self._edited

    def forget_edited(self, digest: str) -> None:
        """Drop what is kept of a picture's edits, or of others with it as a background."""
        if self._edited is not None:
            self._edited.forget(digest)


class VisionToolkit:
    """The tools of one conversation.

    Calls may come from several threads; they run one after the other. A call is a turn of its own, or part of the turn
    in progress, whichever thread that was begun in.
    """

    def __init__(
        self,
        models: str | None = None,
        *,
        detector: str | None = None,
        segmenter: str | None = None,
        device: str | None = None,
        services: Services | SharedModels | None = None,
        inpainter: str | None = None,
        memory: Memory | None = None,
        conversation: str | None = None,
        rules: Settings | None = None,
    ) -> None:
        """Take up a conversation; no model is loaded before one is needed.

        Args:
            models: a preset: demo, fast, base or best; None: the default one.
            detector: in place of the preset's, what ``--detector`` takes.
            segmenter: likewise.
            device: auto, cpu, cuda:n or mps.
            services: models that are loaded already, or shared with other toolkits, in place of all the above.
            inpainter: what fills holes, as ``--inpainter`` takes it; None: the setting, else patches. Shared models
                bring their own.
            memory: where conversations are kept; None: the folder of the settings.
            conversation: id of one to go on with; None begins one.
            rules: what tools may do, such as the folders to open pictures from; None: the settings of this process.

        Raises:
            ConfigError: no such conversation.
            MemoryStoreError: the store cannot be opened.
        """
        self.memory = Memory() if memory is None else memory
        self.conversation = self.memory.create() if conversation is None else conversation
        self.memory.state(self.conversation)
        self._rules = rules
        self._models = (
            services
            if isinstance(services, SharedModels)
            else SharedModels(
                models,
                detector=detector,
                segmenter=segmenter,
                device=device,
                services=services,
                inpainter=inpainter,
            )
        )
        self._one_call = threading.Lock()
        self._one_turn = threading.RLock()
        self._turn: Turn | None = None

    @property
    def services(self) -> Services:
        """The models, loaded at first need.

        Raises:
            ConfigError: no such models.
            ServiceError: they cannot be loaded.
        """
        return self._models.load()

    @property
    def inpainter(self) -> Inpainter | None:
        """What fills holes, loaded at first need; None: patches of the picture itself.

        Raises:
            ConfigError: no such inpainter.
        """
        return self._models.inpainter()

    @property
    def seconds(self) -> dict[str, float]:
        """Wall time spent in the models so far, by "detect" and "segment"; loads nothing."""
        loaded = self._models.loaded
        return dict(loaded.seconds) if loaded else {"detect": 0.0, "segment": 0.0}

    @property
    def cached(self) -> dict[str, dict[str, int]]:
        """How often models found their work done already so far: kind → "hits" and "misses"; loads nothing."""
        loaded = self._models.loaded
        return loaded.cache.counts() if loaded and loaded.cache else {}

    @property
    def state(self) -> State:
        """The conversation: within the turn in progress, else as last committed."""
        turn = self._turn
        return self.memory.state(self.conversation) if turn is None else turn.state

    def history(self) -> list[TurnRecord]:
        """What was said and called, oldest first."""
        return self.memory.history(self.conversation)

    def said(self, last: int) -> list[tuple[str, str]]:
        """The requests and answers of the `last` turns that had an answer, oldest first."""
        return self.memory.said(self.conversation, last)

    @contextmanager
    def turn(self, request: str = "", click: tuple[float, float] | None = None) -> Iterator[Turn]:
        """Several calls as one turn: all of it is kept, or, after an exception, none.

        Args:
            request: the person's words.
            click: x, y in pixels of the upright picture that came with them.

        Raises:
            MemoryStoreError: the turn could not be read or written.
        """
        with self._one_turn, ExitStack() as stack:
            with self._one_call:
                turn = stack.enter_context(self.memory.turn(self.conversation, request, click))
                self._turn = turn
            try:
                yield turn
            finally:
                # Waits for a call still running in another thread, so that none writes into a turn that is over.
                with self._one_call:
                    self._turn = None

    def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        call_id: str | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> ToolResult:
        """Call a tool.

        Args:
            name: of the tool.
            arguments: as a planner would write them.
            call_id: a call id that is known already gets the result it had, and nothing is done again.
            progress: told in a few words what a model is about to do; what it raises ends the call.

        Raises:
            ToolInputError: the tool or an argument does not fit; nothing was changed.
            ServiceError: a model failed.
            MemoryStoreError: the turn could not be read or written.
        """
        with self._within(name) as turn:
            return run_tool(self._context(turn, progress), name, arguments, call_id)

    def open_picture(self, source: Source | Picture) -> str:
        """Open a picture for a person or a program, wherever it is, and make it the current one; returns its handle.

        Args:
            source: a path, bytes, an array, a Pillow image or a Picture.

        Raises:
            PictureError: it cannot be opened.
        """
        picture = pictures.open_picture(source)
        with self._within("open_picture") as turn:
            return turn.open_picture(picture, picture.name)

    def offer_products(self, source: str | Path) -> None:
        """Let `count_shelf` read a product list, wherever it is; it is called by its file's name from then on.

        Args:
            source: a .csv or .xlsx file.
        """
        rules = self._rules or settings()
        lists = dict.fromkeys((*rules.product_lists, Path(source)))
        self._rules = rules.model_copy(update={"product_lists": tuple(lists)})

    def has_use_for(self, tool: str) -> bool:
        """Whether there is anything that a tool could do here, such as a product list to count a shelf against."""
        return find_tool(tool).useful(self._rules or settings())

    def edited(self, picture: str | None = None) -> Edited:
        """A picture with all edits in force done to it, in the original's size and depth.

        Args:
            picture: its handle, or None for the current one.

        Raises:
            HandleError: no such picture.
            PictureError: its file is damaged.
            ConfigError: no such inpainter.
            ServiceError: the inpainter failed.
        """
        from agent_tools.editing import FILLING, is_picture

        with self._within("edited") as turn:
            opened = self._context(turn).opened(picture)
            original = turn.picture(opened.handle)
            steps = [one for one in turn.state.edits if one.picture == opened.handle]
            named = {value for one in steps if is_picture(value := one.parameters.get("background"))}
            others = {str(handle): turn.picture(str(handle)) for handle in named}
        inpainter = self.inpainter if any(one.action in FILLING for one in steps) else None
        return self._models.edited.edited(original, steps, others.__getitem__, inpainter=inpainter)

    def as_edited(self, picture: str | None = None) -> Picture:
        """A picture as its edits leave it, for the eye; the original where there are none. Errors as for `edited`."""
        with self._within("edited") as turn:
            opened = self._context(turn).opened(picture)
            if all(one.picture != opened.handle for one in turn.state.edits):
                return turn.picture(opened.handle)
        return pictures.Picture.from_bytes(self.edited(opened.handle).png(), opened.name)

    def gesture(
        self,
        picture: str | None,
        kind: GestureKind,
        coordinates: Sequence[float] | Sequence[Sequence[float]] | NDArray[Any],
        include: bool = True,
    ) -> str:
        """Keep what a hand did on a picture; returns its name.

        Args:
            picture: handle of the picture, or None for the current one.
            kind: point, box, polygon or stroke.
            coordinates: (x, y) pairs in pixels of the upright picture; one bare pair, or four numbers, will do.
            include: whether it points at the thing; False: at what does not belong to it.

        Raises:
            HandleError: no such picture.
            ToolInputError: coordinates that do not make one, or lie outside the picture.
        """
        with self._within("gesture") as turn:
            opened = self._context(turn).opened(picture)
            points = _pairs(coordinates)
            if kind != "box":
                _check_on(opened, points)
            return turn.add_gesture(opened.handle, kind, points, include)

    def _context(self, turn: Turn, progress: Callable[[str], None] | None = None) -> ToolContext:
        rules = self._rules or settings()
        return ToolContext(
            turn,
            lambda: self.services,
            rules,
            lambda: self._models.loaded,
            progress or _tell_nobody,
            self._models.forget_edited,
        )

    @contextmanager
    def _within(self, request: str) -> Iterator[Turn]:
        """The turn in progress, or one for this call alone; nobody else is in it meanwhile."""
        with self._one_call:
            if self._turn is not None:
                yield self._turn
            else:
                with self.memory.turn(self.conversation, request) as turn:
                    yield turn


def _tell_nobody(what: str) -> None:
    """Progress that nobody asked for."""


def _pairs(coordinates: Any) -> list[tuple[float, float]]:
    try:
        pairs = np.asarray(coordinates, np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        raise ToolInputError(
            f"coordinates={shorten(coordinates)} are not pairs: expected (x, y) in pixels. Pass one pair or more."
        ) from None
    return [(float(x), float(y)) for x, y in pairs]


def _check_on(picture: OpenedPicture, points: Sequence[tuple[float, float]]) -> None:
    """A gesture has to touch the picture; a stroke may run over its edge."""
    if not any(0 <= x <= picture.width and 0 <= y <= picture.height for x, y in points):
        raise ToolInputError(
            f"coordinates={shorten(points)} lie outside {picture.handle}: expected 0 <= x < {picture.width} and "
            f"0 <= y < {picture.height}. Point at the picture."
        )
