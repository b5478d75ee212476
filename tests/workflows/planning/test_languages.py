from __future__ import annotations

import string
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage

from prompts.noun_forms import plural_phrase
from prompts.vocabulary_loader import answers_in, other_language, other_languages, vocabulary
from workflows.planning.answers import Outcome, answer
from workflows.planning.context import KnownObject, PlanContext
from workflows.planning.languages import language_of, spoken
from workflows.planning.naming import counted, named
from workflows.planning.rule_planner import RulePlanner
from workflows.planning.rules import plan

LANGUAGES = ("chinese", "french", "german", "italian", "japanese", "portuguese", "spanish")


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_other_languages_are_those_with_a_phrase_book() -> None:
    assert other_languages() == LANGUAGES


@pytest.mark.parametrize(
    ("request_", "language"),
    [
        ("count the oranges", "english"),
        ("oranges", "english"),
        ("count the fragole", "english"),
        ("m3", "english"),
        ("", "english"),
        ("cuantas naranjas hay", "spanish"),
        ("combien d'oranges", "french"),
        ("ZÄHL DIE ORANGEN", "german"),
        ("conta as laranjas", "portuguese"),
        ("quante arance ci sono", "italian"),
        ("有几个橙子", "chinese"),
        ("オレンジはいくつありますか", "japanese"),
    ],
)
def test_language_of_request_is_the_one_with_most_of_its_words(request_: str, language: str) -> None:
    assert language_of(request_) == language


def test_language_of_words_that_languages_share_is_that_of_the_conversation() -> None:
    assert {language_of("todas", usual) for usual in ("spanish", "portuguese")} == {"spanish", "portuguese"}
    assert language_of("count the oranges", "spanish") == "english"


@pytest.mark.parametrize(
    ("request_", "english"),
    [
        ("las dos naranjas más grandes de la fila de arriba", "the 2 biggest oranges in the top row"),
        ("cuenta las manzanas que no son rojas", "how many the apples that are not the red ones"),
        ("solo la de la izquierda", "only the one on the left"),
        ("der dritte Apfel von links", "the third apple from the left"),
        ("die Äpfel", "the apples"),
        ("une caisse de citrons", "a zzqa of lemons"),
        ("最上面一排最大的两个橙子", "2 biggest oranges in the top row"),
        ("レモン以外全部", "all of them except lemons"),
    ],
)
def test_spoken_pieces_are_put_in_the_order_of_english(request_: str, english: str) -> None:
    assert spoken(request_).english == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_spoken_every_name_said_back_is_read_as_what_it_names(language: str) -> None:
    for group in other_language(language).nouns.nouns.values():
        for noun in set(group) - {"object", "thing"}:  # read as "things", which is no name
            said = spoken(named(noun, language, many=True), language)
            assert said.english.lower() in (plural_phrase(noun), noun)


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_every_language_has_the_same_sentences_filled_in_alike(language: str) -> None:
    english, own = answers_in("english"), answers_in(language)

    assert own.results.keys() == english.results.keys()
    assert own.places.keys() == english.places.keys()
    assert {"not_understood", "out_of_scope", "greeting", "help", "nothing_found_yet"} <= own.replies.keys()
    for mine, theirs in ((own.replies, english.replies), (own.results, english.results), (own.places, english.places)):
        for key, sentence in mine.items():
            assert fields(sentence) <= fields(theirs[key]), (key, sentence)


@pytest.mark.parametrize(
    ("language", "phrase", "one", "five"),
    [
        ("english", "box of cereal", "1 box of cereal", "5 boxes of cereal"),
        ("spanish", "red apple", "1 manzana roja", "5 manzanas rojas"),
        ("french", "white book", "1 livre blanc", "5 livres blancs"),
        ("german", "red apple", "1 roter Apfel", "5 rote Äpfel"),
        ("portuguese", "lemon", "1 limão", "5 limões"),
        ("italian", "orange", "1 arancia", "5 arance"),
        ("chinese", "red apple", "1个红苹果", "5个红苹果"),
        ("japanese", "red apple", "赤いリンゴ1個", "赤いリンゴ5個"),
        ("spanish", "person wearing a hat", "1 person wearing a hat", "5 person wearing a hat"),
    ],
)
def test_counted_number_gender_and_order_are_those_of_the_language(
    language: str, phrase: str, one: str, five: str
) -> None:
    assert (counted(1, phrase, language), counted(5, phrase, language)) == (one, five)


def test_answer_in_german_has_numbers_places_and_handles() -> None:
    things = [{"handle": f"m{number}", "label": "red apple"} for number in range(1, 4)]
    data: dict[str, Any] = {"counts": {"red apple": {"n": 3, "low": 3, "high": 4}}, "objects": things}
    outcome = Outcome("count", {"phrases": ["red apple"], "where": {"row": 1}}, data=data)

    said = answer([outcome], PlanContext(), "count", "german")

    assert said.startswith("Ich zähle 3 rote Äpfel in der obersten Reihe: m1 bis m3. Die wahre Zahl kann")


@pytest.mark.parametrize(
    ("request_", "phrase", "told"),
    [
        ("¿cuántos cangrejos hay?", "cangrejos", "cangrejos"),
        ("wie viele Tomaten funkeln dort?", "tomato", "funkeln"),
    ],
)
def test_rule_planner_word_that_nobody_knows_is_told(request_: str, phrase: str, told: str) -> None:
    asked = HumanMessage(request_)
    planned = RulePlanner().invoke([asked])
    (call,) = planned.tool_calls
    data = {"counts": {phrase: {"n": 2}}, "objects": []}
    done = ToolMessage("2", tool_call_id=str(call["id"]), artifact=data)

    answered = RulePlanner().invoke([asked, planned, done]).text

    assert call["args"] == {"phrases": [phrase]}
    assert f"«{told}»" in answered or f"„{told}“" in answered


def test_plan_word_taken_literally_is_found_again_by_its_label() -> None:
    crabs = KnownObject(handle="m1", label="cangrejos", box=(0, 0, 9, 9))
    lemon = KnownObject(handle="m2", label="lemon", box=(9, 0, 18, 9))
    context = PlanContext(objects=(crabs, lemon), selection=("m1", "m2"))

    planned = plan("solo los cangrejos", context)

    assert planned.calls[0].arguments == {"where": {"label": "cangrejos"}}


def test_plan_strange_verb_before_a_name_is_asked_about() -> None:
    assert plan("zarandea los limones", PlanContext()).reply == answers_in("spanish").replies["unread"].format(
        word="zarandea"
    )


def test_plan_reply_is_in_the_language_of_the_request() -> None:
    assert plan("solo las rojas", PlanContext()).reply == answers_in("spanish").replies["nothing_found_yet"]
    assert plan("only the red ones", PlanContext()).reply == vocabulary().answers.replies["nothing_found_yet"]


@pytest.mark.parametrize(
    ("request_", "phrase"),
    [("cuenta las boteyas", "boteyas"), ("cuenta las botelas", "bottle"), ("quante botiglie ci sono", "bottle")],
)
def test_plan_long_word_with_one_letter_missing_is_mended(request_: str, phrase: str) -> None:
    assert plan(request_, PlanContext()).calls[0].arguments == {"phrases": [phrase]}
