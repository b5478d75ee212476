"""What a count of a shelf comes to, in sentences for whoever stands in front of it.

The sentences are data in prompts/vocabulary, every number comes from the tool's result. This module does not know how
a shelf is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prompts.vocabulary_loader import answers_in
from workflows.planning.handles import joined
from workflows.planning.naming import counted, named

_MOST_PRODUCTS = 8
"""Products named one by one; of more, only how many there are."""
_MOST_ROWS = 8
"""Rows of which the differences are told; a list of more is read on paper."""
_MOST_DOUBTS = 4


def shelf_sentences(data: Mapping[str, Any], language: str) -> list[str]:
    """What was counted, row by row what differs from what should be there, and what a person should look at.

    Args:
        data: the result of `count_shelf` for programs.
        language: to speak.
    """
    speaker = _Speaker(data["shelf"], data.get("counts") or {}, language)
    return [*speaker.counted(), *speaker.differences(), *speaker.doubts()]


class _Speaker:
    """Fills the templates of one language."""

    def __init__(self, shelf: Mapping[str, Any], counts: Mapping[str, Mapping[str, Any]], language: str) -> None:
        self.shelf, self.counts, self.language = shelf, counts, language
        self.results, self.places = answers_in(language).results, answers_in(language).places

    def counted(self) -> list[str]:
        """How much of what there is; row by row where nothing is expected, so that nothing else would say it."""
        found = {label: int(count["n"]) for label, count in self.counts.items() if count["n"]}
        rows = len(self.shelf["rows"])
        if not found:
            return [self.results["nothing_like_that"]]
        what = self._what(found)
        if len(found) > _MOST_PRODUCTS:
            what = self._say("shelf_products", n=sum(found.values()), products=len(found))
        in_rows = self._say("shelf_row_one" if rows == 1 else "shelf_rows", n=rows)
        sentences = [self._say("shelf_counted", what=what, rows=in_rows)]
        if not self.shelf["expected"] and len(found) <= _MOST_PRODUCTS and 1 < rows <= _MOST_ROWS:
            sentences += [self._in_row(row, self._what(tally)) for row, tally in self._tallies()]
        return [_capital(sentence) for sentence in sentences]

    def differences(self) -> list[str]:
        """Row by row, what is missing, too much, or where it does not belong."""
        if elsewhere := self.shelf.get("elsewhere"):
            return [self._say("shelf_elsewhere", shelves=self.results["comma"].join(elsewhere[:_MOST_PRODUCTS]))]
        if not self.shelf["expected"]:
            return []
        if not self.shelf["findings"]:
            return [self.results["shelf_right"]]
        rows: dict[int, list[str]] = {}
        for finding in self.shelf["findings"]:
            if finding["kind"] != "gap":
                rows.setdefault(finding["row"], []).append(self._difference(finding))
        gaps = [finding["row"] for finding in self.shelf["findings"] if finding["kind"] == "gap"]
        for row in sorted(set(gaps)):
            number = gaps.count(row)
            rows.setdefault(row, []).append(self._say("shelf_gap" if number == 1 else "shelf_gaps", n=number))
        told = sorted(rows)[:_MOST_ROWS]
        more = sum(len(rows[row]) for row in rows if row not in told)
        sentences = [self._in_row(row, self.results["shelf_next"].join(rows[row])) for row in told]
        return sentences + ([self._say("shelf_more", n=more)] if more else [])

    def doubts(self) -> list[str]:
        """Counts that a person should look at: those of rows, or of the whole where none of a product's rows is."""
        review = [count for count in self.shelf["counts"] if count["review"] and count["label"] in self.counts]
        in_rows = {count["label"] for count in review if count["row"]}
        parts = [self._doubt(count) for count in review if count["row"] or count["label"] not in in_rows]
        sentences = []
        if parts:
            shown = parts[:_MOST_DOUBTS]
            if len(parts) > len(shown):
                shown = [*shown, self._say("shelf_others", n=len(parts) - len(shown))]
            sentences.append(_capital(self._say("shelf_look", what=self._joined(shown))))
        if any(count["saturated"] for count in self.counts.values()):
            sentences.append(self.results["saturated"])
        return sentences

    def _difference(self, finding: Mapping[str, Any]) -> str:
        label, found = finding["label"], int(finding["found"])
        low, high = finding["expected"] or (0, 0)
        if finding["kind"] == "missing":
            what = named(label, self.language, many=low != 1)
            return self._say("shelf_missing", found=found, expected=low, what=what, n=low - found)
        if finding["kind"] == "surplus":
            return self._say("shelf_surplus", what=counted(found, label, self.language), n=found - (high or 0))
        return self._say("shelf_misplaced", what=counted(found, label, self.language))

    def _doubt(self, count: Mapping[str, Any]) -> str:
        row, place = int(count["row"]), ""
        if row:
            place = self.results["at"].format(place=self.places[f"row_{row}" if row == 1 else "row"].format(row=row))
        what = named(count["label"], self.language, many=True)
        return self._say("shelf_doubt", what=what, place=place, low=count["low"], high=count["high"])

    def _tallies(self) -> Iterable[tuple[int, Mapping[str, int]]]:
        """Row → how many of each product, rows without any left out."""
        rows: dict[int, dict[str, int]] = {}
        for count in self.shelf["counts"]:
            if count["row"] and count["n"]:
                rows.setdefault(count["row"], {})[count["label"]] = count["n"]
        return sorted(rows.items())

    def _in_row(self, row: int, what: str) -> str:
        return self._say("shelf_in_row", row=row, what=what) if row else self._say("shelf_in_all", what=what)

    def _what(self, tally: Mapping[str, int]) -> str:
        return self._joined([counted(n, label, self.language) for label, n in tally.items()])

    def _joined(self, parts: Sequence[str]) -> str:
        return joined(parts, self.results["and"], self.results["comma"])

    def _say(self, key: str, **values: object) -> str:
        return self.results[key].format(**values)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
