"""What a run keeps of each picture. This module does not know where."""

from __future__ import annotations

from dataclasses import dataclass

from agent_tools.shelves.results import Correction, ShelfCount


@dataclass(frozen=True, slots=True)
class ShelfPicture:
    """One picture to be counted.

    Attributes:
        address: path or fsspec address; what identifies it in a run.
        store: where it was taken; empty: not known.
        shelf: which shelf it shows; empty: not known.
        time: when it was taken, as given; empty: not known.
    """

    address: str
    store: str = ""
    shelf: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class PictureResult:
    """What came of one picture.

    Attributes:
        picture: which.
        count: as the models counted it; None where there is an error.
        error: why it could not be counted, one line; empty where it could.
        correction: what a person has put right; None: nobody has looked.
        same_as: address of an earlier picture of the very same bytes; empty: there is none.
    """

    picture: ShelfPicture
    count: ShelfCount | None = None
    error: str = ""
    correction: Correction | None = None
    same_as: str = ""
