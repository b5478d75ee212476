"""Writes what people say beside the demo detector's weights: `python -m workflows.demo_models.detector_words FOLDER`.

The words are in detector_words.yaml; here plurals are added, and what a checkpoint was not taught is left out. What it
was taught is read from its own tokenizer, so that an older checkpoint never claims a newer one's words. Knows no model,
and not how a phrase is read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated

import inflect
import typer
import yaml
from pydantic import BaseModel, ConfigDict

from agent_tools.services.checkpoints import VOCABULARY_FILE
from agent_tools.services.closed_vocabulary import ClosedVocabulary
from workflows.demo_models.scenes import KINDS

WORDS_FILE = Path(__file__).with_name("detector_words.yaml")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NounWords(_Strict):
    """What people say for one noun."""

    also: tuple[str, ...]
    kinds: tuple[str, ...]


class DetectorWords(_Strict):
    """Everything detector_words.yaml says; its comments tell what each part is."""

    nouns: dict[str, NounWords]
    colours: dict[str, tuple[str, ...]]
    shades: tuple[str, ...]
    plain: tuple[str, ...]
    holders: tuple[str, ...]
    places: tuple[str, ...]
    unclear: dict[str, tuple[str, ...]]

    @classmethod
    def load(cls, path: Path = WORDS_FILE) -> DetectorWords:
        """Reads the YAML file."""
        return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def vocabulary_of(taught: Mapping[str, Collection[str]], words: DetectorWords) -> ClosedVocabulary:
    """The vocabulary of weights that were taught some nouns, each in some colours.

    Args:
        taught: noun → colours, as the training names them.
        words: what people say.
    """
    known = {noun: words.nouns[noun] for noun in taught if noun in words.nouns}
    colours = {colour for shades in taught.values() for colour in shades}
    unclear = {name: tuple(noun for noun in nouns if noun in taught) for name, nouns in words.unclear.items()}
    return ClosedVocabulary(
        nouns={noun: tuple(shades) for noun, shades in taught.items()},
        names={
            form: noun
            for noun in taught
            for name in (noun, *(known[noun].also if noun in known else ()))
            for form in _forms(name)
            if form != noun
        },
        colours={name: colour for colour in words.colours if colour in colours for name in words.colours[colour]},
        kinds={noun: said.kinds for noun, said in known.items() if said.kinds},
        shades=words.shades,
        plain=words.plain,
        holders=tuple(noun for noun in words.holders if noun in taught),
        places=words.places,
        unclear={form: nouns for name, nouns in unclear.items() if nouns for form in _forms(name)},
    )


def write_vocabulary(
    folder: Path, kinds: Iterable[tuple[str, str]] = KINDS, words: DetectorWords | None = None
) -> ClosedVocabulary:
    """Puts the vocabulary beside the weights in `folder`.

    Args:
        folder: Of a saved checkpoint, its tokenizer included.
        kinds: Every (noun, colour) that scenes show; those with a word that the tokenizer lacks are left out.
        words: What people say; None: detector_words.yaml.
    """
    tokens = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    taught: dict[str, list[str]] = {}
    for noun, colour in kinds:
        if noun in tokens and colour in tokens:
            taught.setdefault(noun, []).append(colour)
    vocabulary = vocabulary_of(taught, words or DetectorWords.load())
    text = vocabulary.model_dump_json(indent=2)
    (folder / VOCABULARY_FILE).write_text(text + "\n", encoding="utf-8")
    return vocabulary


def _forms(name: str) -> tuple[str, ...]:
    """One and many."""
    return tuple(dict.fromkeys((name, str(_ENGINE.plural_noun(name)))))


_ENGINE = inflect.engine()


def main(folder: Annotated[Path, typer.Argument(help="Of the checkpoint.", exists=True, file_okay=False)]) -> None:
    """Write the words of a demo detector beside its weights."""
    vocabulary = write_vocabulary(folder)
    typer.echo(f"{folder / VOCABULARY_FILE}: {len(vocabulary.nouns)} nouns, {len(vocabulary.names)} other names")


if __name__ == "__main__":
    typer.run(main)
