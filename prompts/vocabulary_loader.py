"""Reads the words of askmask: the vocabularies of the planner without a key, and the brief for a language model.

English, the language of the grammar, is four YAML files a person can edit without programming: `english_words`,
`_places`, `_frames` and `_answers`. Every other language is three: `<language>_phrases` and `_nouns`, by which a
request is read as plain English, and `_answers`. All are checked when they are read, so that a slip in one of them
names its file and its key.
This module does not know what the patterns in those files mean, nor how a request is understood.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_tools.errors import ConfigError, shorten

if TYPE_CHECKING:
    from yaml import SafeLoader as _SafeLoader
else:  # the same in C, six times as fast, where PyYAML was built with it
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Meaning = dict[str, str | int | float | bool]
_BOOK = "_phrases.yaml"
_File = TypeVar("_File", bound=BaseModel)


class Strict(BaseModel):
    """The shape of a vocabulary file, or a part of it: nothing more than what is named, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Words(Strict):
    """The words of a language: what is dropped, rewritten, listed, and what stands for a value."""

    rewrites: dict[str, str]
    name_rewrites: dict[str, str]
    openings: list[str]
    closings: list[str]
    leads: list[str]
    fillers: list[str]
    order_words: list[str]
    values: dict[str, dict[str | int, list[str]]]
    lists: dict[str, list[str]]
    singular_in_s: list[str]
    always_plural: list[str]
    worn_plural: list[str]
    irregular: dict[str, str]


class Place(Strict):
    """A pattern and the part of `where` it stands for."""

    says: str
    means: Meaning = Field(min_length=1)


class Places(Strict):
    """How a language says where."""

    anywhere: list[Place]
    leading: list[Place]
    nowhere: list[str]
    elsewhere: list[str]


class Frame(Strict):
    """Sentence shapes of one act. `things` rewrites what the sentence is about; `late` shapes are tried last."""

    act: str
    says: list[str] = Field(min_length=1)
    things: str | None = None
    late: bool = False


class Frames(Strict):
    """The sentence shapes of a language, in the order in which they are tried."""

    frames: list[Frame]


class Answers(Strict):
    """The sentences askmask says, as `str.format` templates; a reply that a language lacks is `not_understood`."""

    replies: dict[str, str]
    results: dict[str, str]
    places: dict[str, str]
    table: dict[str, str] = {}
    """The handle table as a language model sees it, in English only."""


class Phrases(Strict):
    """How requests of another language are read as plain English: what is said, by the English it stands for.

    Each part has its place in the English sentence: acts begin it; then come, for each thing, articles, ordinals,
    numbers, extremes, its colour and its name (from the nouns), places; closings end it.
    """

    alone: dict[str, list[str]]
    """Acts that need nothing more."""
    acts: dict[str, list[str]]
    """The first of these that is said decides. One with "..." goes around what it is about, and `<hue>` in it is the
    colour said next to it, or last."""
    effects: dict[str, list[str]] = {}
    """What edits are called: a value of its own, like the ordinals."""
    closings: dict[str, list[str]] = {}
    joins: dict[str, list[str]]
    links: dict[str, list[str]] = {}
    articles: dict[str, list[str]] = {}
    stand_ins: dict[str, list[str]]
    """Instead of a name: "them", "the others"."""
    ordinals: dict[str, list[str]]
    numbers: dict[int, list[str]]
    extremes: dict[str, list[str]]
    places: dict[str, list[str]]
    joins_after: dict[str, list[str]] = {}
    """Joins said after what they join, like the Japanese "except"."""
    then: list[str]
    dropped: list[str]
    spaced: bool = True
    """Whether words are written apart."""
    named: str
    """A colour and a noun, in their order."""


class Nouns(Strict):
    """Names of things and colours, by their English; forms are `singular / plural`, the first one is what is said back.

    `plurals` makes the plural of a singular alone by its ending; nouns are grouped by gender, colours have a form each.
    """

    plurals: dict[str, str] = {}
    nouns: dict[str, dict[str, list[str]]]
    colours: dict[str, dict[str, list[str]]]

    def plural(self, singular: str) -> str:
        """The plural by the ending of `singular`, or "" where no ending fits; of several words, the first one's."""
        first, _, rest = singular.partition(" ")
        ending = max((end for end in self.plurals if first.endswith(end)), key=len, default=None)
        if ending is None:
            return ""
        return f"{first[: len(first) - len(ending)]}{self.plurals[ending]} {rest}".strip()

    def forms(self, saying: str) -> tuple[str, str]:
        """The singular and the plural of a name or colour as the file has it; "" for one that it lacks."""
        one, slash, many = (part.strip() for part in saying.partition("/"))
        return one, many if slash else self.plural(one)


class Vocabulary(Strict):
    """Everything that is known of one language."""

    language: str
    words: Words
    places: Places
    frames: list[Frame]
    answers: Answers


class Language(Strict):
    """A language other than English: how it is read, and its names of things."""

    name: str
    phrases: Phrases
    nouns: Nouns


@lru_cache(maxsize=1)
def other_languages() -> tuple[str, ...]:
    """The languages that there is a phrase book for."""
    names = (entry.name for entry in files("prompts").joinpath("vocabulary").iterdir())
    return tuple(sorted(name.removesuffix(_BOOK) for name in names if name.endswith(_BOOK)))


@lru_cache(maxsize=16)
def other_language(name: str) -> Language:
    """The phrases and nouns of one of `other_languages`, read once.

    Raises:
        ConfigError: a file is missing, is not YAML, or holds a key or value that it should not.
    """
    phrases = read_vocabulary_file(f"{name}_phrases.yaml", Phrases)
    return Language(name=name, phrases=phrases, nouns=read_vocabulary_file(f"{name}_nouns.yaml", Nouns))


@lru_cache(maxsize=16)
def answers_in(language: str) -> Answers:
    """What is said in `language`, read once.

    Raises:
        ConfigError: the file is missing, is not YAML, or holds a key or value that it should not.
    """
    return read_vocabulary_file(f"{language}_answers.yaml", Answers)


def vocabulary(language: str = "english") -> Vocabulary:
    """The vocabulary of `language`, read once.

    Raises:
        ConfigError: a file is missing, is not YAML, or holds a key or value that it should not.
    """
    return _read(language)


@lru_cache(maxsize=8)
def _read(language: str) -> Vocabulary:
    return Vocabulary(
        language=language,
        words=read_vocabulary_file(f"{language}_words.yaml", Words),
        places=read_vocabulary_file(f"{language}_places.yaml", Places),
        frames=read_vocabulary_file(f"{language}_frames.yaml", Frames).frames,
        answers=answers_in(language),
    )


@lru_cache(maxsize=1)
def planner_brief() -> str:
    """The system message for a language model that plans."""
    return files("prompts").joinpath("planner.md").read_text(encoding="utf-8")


def read_vocabulary_file(name: str, shape: type[_File]) -> _File:
    """The file `prompts/vocabulary/<name>`, checked against `shape`.

    Raises:
        ConfigError: the file is missing, is not YAML, or does not have that shape.
    """
    resource = files("prompts").joinpath("vocabulary").joinpath(name)
    if not resource.is_file():
        raise ConfigError(f"vocabulary={name} does not exist: expected a file in prompts/vocabulary. Add it.")
    return parse_vocabulary(resource.read_text(encoding="utf-8"), name, shape)


def parse_vocabulary(text: str, name: str, shape: type[_File]) -> _File:
    """`text`, the content of the vocabulary file `name`, checked against `shape`.

    Raises:
        ConfigError: it is not YAML, names a key twice, or does not have that shape.
    """
    try:
        return shape.model_validate(yaml.load(text, Loader=_UniqueKeyLoader))  # noqa: S506, a SafeLoader
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise ConfigError(f"{name}={shorten(problem, 200)} is not YAML: expected a mapping. Correct it.") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(top)"
        raise ConfigError(
            f"{name}: {key}={shorten(first['input'])!r} is not valid: expected {first['msg']}. Correct that key."
        ) from None


class _UniqueKeyLoader(_SafeLoader):
    """A safe loader for which a key given twice is an error rather than a silent loss of the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"key given twice: {', '.join(twice)}", node.start_mark)
        return super().construct_mapping(node, deep=deep)
