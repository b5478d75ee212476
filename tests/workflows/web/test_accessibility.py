"""What axe-core finds on the page: nothing serious in what is ours; what is Gradio's own is named here, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.web.visiting import Visitor, visitor

SERIOUS = ("serious", "critical")
OURS = ".stage, .models-told"
GRADIOS = {
    "button-name": "the little triangle of a folded step in the chat has no name",
    "nested-interactive": "that triangle lies within a title that can be pressed itself",
}
"""Serious findings in Gradio's own parts, by rule, and what they are."""


def findings(page: Visitor) -> tuple[list[str], set[str]]:
    """Serious findings within our parts, one line each, and the rules found broken in Gradio's."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page.page).response["violations"]
    ours, gradios = [], set()
    for rule in found:
        if rule["impact"] not in SERIOUS:
            continue
        for node in rule["nodes"]:
            inside = page.page.evaluate(
                "([target, ours]) => Boolean(document.querySelector(target)?.closest(ours))", [node["target"][0], OURS]
            )
            if inside:
                ours.append(f"{rule['id']}: {node['html'][:120]}: {node['failureSummary'][:300]}")
            else:
                gradios.add(rule["id"])
                print(f"Gradio's: {rule['id']} ({rule['help']}): {node['html'][:160]}")
    return ours, gradios


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_has_no_serious_accessibility_finding_of_ours(
    chromium: Any, address: str, oranges: bytes, scheme: str
) -> None:
    with visitor(chromium, address, color_scheme=scheme) as page:
        ours, gradios = findings(page)
        assert ours == []
        page.open(oranges)
        page.ask("count the oranges")
        page.press("Take away")
        page.click_thing(3)
        page.wait_for_marked(7)
        page.ask("blur the rest")
        page.press("Choose")
        page.click_thing(4)
        for summary in page.page.locator(".stage summary").all():
            summary.click()
        ours, more = findings(page)
        assert ours == []
        assert (gradios | more) <= set(GRADIOS)


def test_page_check_sees_a_planted_finding(page: Visitor) -> None:
    page.page.evaluate(
        "document.querySelector('.stage .tools').append(Object.assign(document.createElement('button'), {}))"
    )
    ours, _ = findings(page)
    assert any(line.startswith("button-name") for line in ours)
