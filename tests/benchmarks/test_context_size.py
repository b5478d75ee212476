"""What a language model is given to read stays small."""

from benchmarks.context_size import FIRST, LONG, main, measure


def test_context_size_stays_within_its_bounds() -> None:
    figures = measure()
    assert figures["brief_and_tools"] <= FIRST
    assert figures["brief_and_tools"] < figures["long_conversation"] <= LONG
    assert figures["handle_table"] > 500
    assert main(["--json"]) == 0
