"""What a tool is given to work with.

This module does not know which tools there are, nor who calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agent_tools.errors import HandleError, ServiceError, ToolInputError, shorten
from agent_tools.memory import Gesture, ObjectVersion, OpenedPicture, State, Turn
from agent_tools.references import Thing
from agent_tools.services.base import Detections, Prompt, Proposals, SegmentRequest, Segments, Services
from agent_tools.settings import Settings, settings
from agent_tools.tools.arguments import expand
from agent_tools.tools.results import ToolResult
from agent_tools.tools.wording import compact

__all__ = ["ToolContext", "ToolResult"]


@dataclass(frozen=True)
class ToolContext:
    """The turn a tool works in, and the models, loaded when the first tool needs one.

    Attributes:
        turn: everything known, and where everything new is written.
        load: gives the services; called at first need.
        settings: the defaults of this process.
        loaded: gives the services if they are loaded already; loads nothing.
        tell: hears in a few words what a model is about to do; what it raises ends the call.
        forget_edited: drops what is kept of the edits of the picture with a digest.
    """

    turn: Turn
    load: Callable[[], Services]
    settings: Settings = field(default_factory=settings)
    loaded: Callable[[], Services | None] = lambda: None
    tell: Callable[[str], None] = lambda _: None
    forget_edited: Callable[[str], None] = lambda _: None

    @property
    def services(self) -> Services:
        """The detector and the segmenter.

        Raises:
            ConfigError: no such models.
            ServiceError: they cannot be loaded.
        """
        if self.loaded() is None:
            self.tell("loading the models")
        return self.load()

    @property
    def state(self) -> State:
        """The conversation as it stands within this turn."""
        return self.turn.state

    def forget_encodings(self, digest: str) -> None:
        """Have the models drop what they remember of a picture, where they remember anything."""
        services = self.loaded()
        for model in (services.detector, services.segmenter) if services else ():
            forget = getattr(model, "forget", None)
            if forget is not None:
                forget(digest)

    def detect(self, picture: str, phrases: Sequence[str]) -> Detections:
        """Ask the detector for phrases on one picture.

        Raises:
            ServiceError: the detector failed, or answered something else than what was asked.
        """
        services, pixels = self.services, self.turn.picture(picture)
        self.tell(f"looking for {shorten(', '.join(phrases))}")
        answers = services.detector.detect([pixels], [list(phrases)])
        if len(answers) != 1 or (answers[0].phrase_indices >= len(phrases)).any():
            raise ServiceError(
                f"detector={services.detector_name} answered {len(answers)} pictures or foreign phrases: expected 1 "
                f"picture and {len(phrases)} phrases. Correct the detector."
            )
        return answers[0]

    def propose(self, picture: str) -> Proposals | None:
        """What the detector takes for whole things on one picture; None where it finds nothing without a word.

        Raises:
            ServiceError: the detector failed.
        """
        # Asked for by name: a wrapped detector has what it wraps has, which a protocol's check does not see.
        propose = getattr(self.services.detector, "propose", None)
        if propose is None:
            return None
        self.tell("looking for whole things")
        answers: list[Proposals] = propose([self.turn.picture(picture)])
        return answers[0]

    def segment(self, picture: str, prompts: Sequence[Prompt]) -> list[Segments]:
        """Ask the segmenter for the masks of prompts on one picture.

        Raises:
            ServiceError: the segmenter failed, or answered something else than what was asked.
        """
        if not prompts:
            return []
        services, pixels = self.services, self.turn.picture(picture)
        self.tell(f"outlining {len(prompts)}")
        answers = services.segmenter.segment([SegmentRequest(pixels, tuple(prompts))])
        if len(answers) != 1 or len(answers[0]) != len(prompts):
            raise ServiceError(
                f"segmenter={services.segmenter_name} answered {[len(each) for each in answers]} prompts: expected "
                f"[{len(prompts)}]. Correct the segmenter."
            )
        for mask in (mask for answer in answers[0] for mask in answer.masks):
            if (mask.height, mask.width) != (pixels.height, pixels.width):
                raise ServiceError(
                    f"mask size={[mask.height, mask.width]} from segmenter={services.segmenter_name} does not fit: "
                    f"expected {[pixels.height, pixels.width]}. Correct the segmenter."
                )
        return answers[0]

    def opened(self, handle: str | None = None) -> OpenedPicture:
        """The picture of a handle, or the current one.

        Raises:
            HandleError: no such picture.
            ToolInputError: no picture is open.
        """
        pictures = self.state.pictures
        name = self.state.picture if handle is None else handle.strip().lower()
        if name is None:
            raise ToolInputError("picture=None is not open: expected a picture. Open one with open_picture first.")
        if name not in pictures:
            raise HandleError(
                f"picture={shorten(name)} does not exist: expected {compact(pictures) or 'a picture'}. "
                f"{'Name one of these' if pictures else 'Open one with open_picture first'}."
            )
        return pictures[name]

    def objects(self, handles: Sequence[str]) -> list[ObjectVersion]:
        """The objects of handles, ranges written out, each once, in the order given.

        Raises:
            HandleError: one of them does not exist.
        """
        names, known = expand(list(handles)), self.state.objects
        if missing := [name for name in names if name not in known]:
            raise HandleError(
                f"handles={shorten(', '.join(missing))} do not exist: expected some of "
                f"{shorten(compact(known)) or 'those that segment or count find'}. Use recall to see what is known."
            )
        return [known[name] for name in names]

    def chosen_or_selected(self, handles: Sequence[str] | None) -> list[ObjectVersion]:
        """The objects of handles, or the current selection.

        Raises:
            HandleError: one of them does not exist.
        """
        return self.objects(self.state.selection if handles is None else handles)

    def found_in(self, thing: Thing) -> int:
        """Number of the turn that found a thing, whatever has corrected it since."""
        return self.turn.version(thing.handle, 1).turn if thing.handle in self.state.objects else thing.turn

    def gestures(self, names: Sequence[str]) -> list[Gesture]:
        """The gestures of names, in the order given.

        Raises:
            HandleError: one of them does not exist.
        """
        known, asked = self.state.gestures, expand(list(names))
        if missing := [name for name in asked if name not in known]:
            raise HandleError(
                f"gestures={shorten(', '.join(missing))} do not exist: expected "
                f"{shorten(compact(known)) or 'a gesture that the person made'}. "
                f"{'Name one of these' if known else 'Ask the person to point at it'}."
            )
        return [known[name] for name in asked]
