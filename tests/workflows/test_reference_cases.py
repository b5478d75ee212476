"""References in plain English against layouts of which it is known what stands where; see benchmarks/references.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_tools.errors import ConfigError
from agent_tools.memory import Memory
from benchmarks.reference_layouts import LAYOUTS
from benchmarks.references import Case, read_cases, run_case

CASES = read_cases()


@pytest.fixture(scope="module")
def memory() -> Iterator[Memory]:
    with Memory.temporary() as memory:
        yield memory


@pytest.mark.parametrize("case", CASES, ids=str)
def test_reference_means_what_a_person_means(case: Case, memory: Memory) -> None:
    verdict = run_case(case, memory)

    assert verdict.right, f"expected {verdict.wanted}\ngot      {verdict.got}\nanswer   {verdict.answer}"


def test_reference_cases_are_many_and_of_every_kind() -> None:
    assert len(CASES) >= 150
    assert {case.layout for case in CASES} == set(LAYOUTS)
    assert sum(case.asks is not None for case in CASES) >= 15, "ties"
    assert sum(len(case.say) > 2 for case in CASES) >= 40, "over several turns"


def test_reference_case_that_expects_other_things_is_wrong(memory: Memory) -> None:
    said = ("count the cans", "only the top row")

    assert run_case(Case("shelf", said, means="r1*"), memory).right
    assert not run_case(Case("shelf", said, means="r1* r2c1"), memory).right
    assert not run_case(Case("shelf", said, asks="r1*"), memory).right
    assert not run_case(Case("shelf", ("count the cans", "the biggest"), means="*"), memory).right


def test_reference_file_with_a_case_that_expects_nothing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text("shelf: {begin: count the cans, cases: [{say: only the top row}]}")

    with pytest.raises(ConfigError, match=r"expected say or fresh, and one of is, asks, says"):
        read_cases(file)


def test_layout_names_are_patterns_colours_and_labels() -> None:
    shelf = LAYOUTS["shelf"]()

    assert shelf.named("r1* -*c2 -red") == {"r1c3", "r1c5"}
    assert shelf.named("") == set()
    with pytest.raises(ValueError, match="purple is not in the layout"):
        shelf.named("purple")
