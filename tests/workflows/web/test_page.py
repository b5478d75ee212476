"""The page in a real browser, against the real server on the bundled models."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
from PIL import Image

from tests.workflows.web.visiting import WAIT, Visitor, visitor


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_page_drop_count_click_undo_blur_download_changes_only_the_rest(page: Visitor, oranges: bytes) -> None:
    page.open(oranges)
    assert "8 oranges" in page.ask("count the oranges")
    page.wait_for_marked(8)
    assert page.counted() == 8

    page.press("Take away")
    page.click_thing(3)
    page.wait_for_marked(7)
    assert page.counted() == 7
    assert 3 not in page.marked()
    assert "7 oranges" in page.answers()[-1]

    page.press("Undo")
    page.wait_for_marked(8)
    page.press("Redo")
    page.wait_for_marked(7)

    before = page.page.locator(".pixels").get_attribute("href")
    page.ask("blur the rest")
    page.page.wait_for_function(
        "(before) => document.querySelector('.pixels').getAttribute('href') !== before", arg=before, timeout=WAIT
    )
    assert page.page.locator(".edits li").count() == 1
    # What is marked is as it was, to the bit; the rest is not.
    original, edited = pixels(oranges), pixels(page.download("picture"))
    inside = marked_pixels(page)
    assert (original[inside] == edited[inside]).all()
    assert (original[~inside] != edited[~inside]).any(axis=1).mean() > 0.5


def marked_pixels(page: Visitor) -> np.ndarray:
    """The masks that the page hands out, as one."""
    with zipfile.ZipFile(io.BytesIO(page.download("masks"))) as archive:
        files = [io.BytesIO(archive.read(name)) for name in archive.namelist() if name.endswith(".png")]
    assert len(files) == page.counted()
    return np.logical_or.reduce([np.asarray(Image.open(file)) > 0 for file in files])


def test_page_reloaded_goes_on_where_it_stood(page: Visitor, oranges: bytes) -> None:
    page.open(oranges)
    page.ask("count the oranges")
    page.press("Take away")
    page.click_thing(2)
    page.wait_for_marked(7)
    page.page.reload()
    page.wait_for_marked(7)
    assert any("8 oranges" in answer for answer in page.answers())
    page.press("Undo")
    page.wait_for_marked(8)


def test_page_two_visitors_see_nothing_of_each_other(
    chromium: Any, address: str, page: Visitor, oranges: bytes
) -> None:
    page.open(oranges, "mine.png")
    page.ask("count the oranges")
    shown = page.page.locator(".pixels").get_attribute("href")
    with visitor(chromium, address) as other:
        assert other.page.locator(".stage .frame.blank").count() == 1
        other.page.locator(".stage .examples button").nth(1).click()
        other.page.wait_for_selector(".stage .frame:not(.blank)")
        other.ask("count the lemons")
        assert other.page.locator(".pixels").get_attribute("href").split("/")[1] != shown.split("/")[1]
        assert "orange" not in other.page.locator("#askmask-talk").inner_text()
    assert page.marked() == list(range(1, 9))


def test_page_link_brings_a_conversation_to_another_browser(
    chromium: Any, address: str, page: Visitor, oranges: bytes
) -> None:
    page.open(oranges)
    page.ask("count the oranges")
    link = page.page.locator(".stage .link").input_value()
    with visitor(chromium, address, link) as other:
        other.wait_for_marked(8)
        assert "?c=" not in other.page.url


def test_page_keyboard_alone_counts_takes_away_and_undoes(page: Visitor, oranges: bytes) -> None:
    page.open(oranges)
    keys = page.page.keyboard
    page.page.locator("#askmask-words textarea").focus()
    keys.type("count the oranges")
    keys.press("Enter")
    page.wait_for_marked(8)
    page.page.locator(".stage .canvas").focus()
    keys.press("r")
    for _ in range(3):
        keys.press("ArrowDown")
    keys.press("Enter")  # the middle of the picture is an orange
    page.wait_for_marked(7)
    keys.press("Control+z")
    page.wait_for_marked(8)
    # The first thing of the list, chosen and taken away with the keys of a list.
    page.page.locator(".stage .chips button").first.focus()
    keys.press("Enter")
    assert page.page.locator(".stage .about").is_visible()
    page.page.locator(".stage .canvas").focus()
    keys.press("Delete")
    page.wait_for_marked(7)
    assert 1 not in page.marked()


def test_page_click_adds_and_offers_other_outlines(page: Visitor, oranges: bytes) -> None:
    page.open(oranges)
    page.ask("count the oranges")
    page.press("Take away")
    x, y = page.middle(5)
    page.click_thing(5)
    page.wait_for_marked(7)
    page.press("Add")
    page.page.mouse.click(x, y)
    page.wait_for_marked(8)
    # Beside all of them: something new, with the outlines it may have.
    frame = page.page.locator(".stage .drawing").bounding_box()
    page.page.mouse.click(frame["x"] + 0.5 * frame["width"], frame["y"] + 0.02 * frame["height"])
    page.wait_for_marked(9)
    masks = page.page.locator(".stage .masks button")
    masks.first.wait_for()
    assert masks.count() >= 2
    drawn = page.page.locator('.thing[data-handle="m9"] .rim').get_attribute("d")
    page.page.locator('.stage .masks button[aria-pressed="false"]').first.click()
    page.page.wait_for_function(
        "(drawn) => document.querySelector('.thing[data-handle=\"m9\"] .rim').getAttribute('d') !== drawn", arg=drawn
    )


def test_page_box_and_scribble_add_and_take_away(page: Visitor, oranges: bytes) -> None:
    page.open(oranges)
    page.ask("count the oranges")
    frame = page.page.locator(".stage .drawing").bounding_box()

    def drag(*places: tuple[float, float]) -> None:
        mouse = page.page.mouse
        mouse.move(frame["x"] + places[0][0] * frame["width"], frame["y"] + places[0][1] * frame["height"])
        mouse.down()
        for x, y in places[1:]:
            mouse.move(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"], steps=5)
        mouse.up()

    page.press("Take away")
    page.press("Box")
    drag((0.02, 0.7), (0.98, 0.98))
    page.page.wait_for_function("document.querySelectorAll('.stage .thing:not(.unmarked)').length < 8")
    left = len(page.marked())
    assert 3 <= left < 8
    page.press("Scribble")
    x, y = (
        (value - frame[side]) / frame[size]
        for value, side, size in zip(page.middle(2), "xy", ("width", "height"), strict=True)
    )
    drag((x - 0.03, y), (x + 0.03, y))
    page.wait_for_marked(left - 1)
    assert 2 not in page.marked()


def test_page_pinned_click_goes_with_the_next_sentence(page: Visitor, oranges: bytes) -> None:
    page.open(oranges)
    page.ask("count the oranges")
    page.click_thing(4)
    assert "4 · orange" in page.page.locator(".stage .about").inner_text()
    page.ask("not that one")
    page.wait_for_marked(7)
    assert 4 not in page.marked()
    assert page.page.locator(".stage .pin").count() == 0


def test_page_hovering_names_the_thing_and_its_score(page: Visitor, oranges: bytes) -> None:
    page.open(oranges)
    page.ask("count the oranges")
    page.page.mouse.move(*page.middle(5))
    tip = page.page.locator(".stage .tip")
    tip.wait_for()
    assert "5 · orange" in tip.inner_text()
    assert "% sure" in tip.inner_text()


def test_page_second_picture_is_talked_about_apart(page: Visitor, oranges: bytes) -> None:
    page.open(oranges)
    page.ask("count the oranges")
    green = io.BytesIO()
    Image.new("RGB", (120, 90), (20, 120, 40)).save(green, "PNG")
    page.drop(green.getvalue(), "green.png")
    page.page.wait_for_selector(".stage .pictures button")
    page.wait_for_marked(0)
    page.page.locator('.stage .pictures button[title="crate.png"]').click()
    page.wait_for_marked(8)


def test_page_bad_files_and_empty_requests_are_told(page: Visitor, oranges: bytes) -> None:
    trouble = page.page.locator(".stage .trouble")
    page.drop(b"<html>no picture</html>", "shelf.jpg")
    trouble.wait_for()
    assert "web page" in trouble.inner_text()
    page.page.locator("#askmask-words textarea").fill("count the oranges")
    page.page.keyboard.press("Enter")
    page.page.locator("#askmask-words textarea").press("Enter")
    page.page.wait_for_function("document.querySelector('.stage .trouble').textContent.includes('Drop')")
    page.open(oranges)
    page.press("Take away")
    frame = page.page.locator(".stage .drawing").bounding_box()
    page.page.mouse.click(frame["x"] + 5, frame["y"] + 5)
    trouble.wait_for()
    assert "nothing" in trouble.inner_text()


def test_page_edits_by_button_are_changed_reordered_and_taken_back(page: Visitor, oranges: bytes) -> None:
    page.open(oranges)
    page.ask("count the oranges")
    stage = page.page.locator(".stage")

    def shown_after(act: Any) -> str:
        before = page.page.locator(".pixels").get_attribute("href")
        act()
        page.page.wait_for_function(
            "(before) => document.querySelector('.pixels').getAttribute('href') !== before", arg=before
        )
        return str(page.page.locator(".pixels").get_attribute("href"))

    def change(target: str, action: str) -> None:
        stage.locator('.change [name="target"]').select_option(target)
        stage.locator('.change [name="action"]').select_option(action)
        page.press("Do it")

    shown_after(lambda: change("rest", "blur"))
    shown_after(lambda: change("marked", "recolour"))
    assert [line.split(":")[0] for line in stage.locator(".edits .what").all_inner_texts()] == [
        "1. blur",
        "2. recolour",
    ]
    slider = stage.locator(".edits input[type=range]").first
    shown_after(lambda: slider.fill("0.9"))
    assert stage.locator(".edits input[type=range]").first.input_value() == "0.9"
    shown_after(lambda: stage.get_by_role("button", name="Later: blur").click())
    assert [line.split(":")[0] for line in stage.locator(".edits .what").all_inner_texts()] == [
        "1. recolour",
        "2. blur",
    ]
    shown_after(lambda: stage.get_by_role("button", name="Take back: recolour").click())
    assert [line.split(":")[0] for line in stage.locator(".edits .what").all_inner_texts()] == ["1. blur"]
    page.press("Undo")
    page.page.wait_for_function("document.querySelectorAll('.edits li').length === 2")
    assert shown_after(lambda: page.press("Original")).endswith("/original")


def test_page_on_a_phone_fits_the_width_and_works_by_touch(chromium: Any, address: str, oranges: bytes) -> None:
    options = {
        "viewport": {"width": 390, "height": 800},
        "has_touch": True,
        "is_mobile": True,
        "device_scale_factor": 2,
    }
    with visitor(chromium, address, **options) as phone:
        camera = phone.page.locator(".stage .camera input")
        assert camera.get_attribute("capture") == "environment"
        phone.open(oranges)
        phone.ask("count the oranges")
        phone.wait_for_marked(8)
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= 391
        phone.page.locator(".stage [data-mode=remove]").tap()
        phone.page.locator(".stage .canvas").scroll_into_view_if_needed()
        phone.page.touchscreen.tap(*phone.middle(3))
        phone.wait_for_marked(7)


def test_page_erased_conversation_is_gone_for_good(page: Visitor, oranges: bytes) -> None:
    page.open(oranges)
    picture = page.page.locator(".pixels").get_attribute("href")
    page.page.on("dialog", lambda dialog: dialog.accept())
    page.page.locator(".stage .more summary").click()
    with page.page.expect_navigation():
        page.press("Erase this one for good")
    page.page.wait_for_selector(".stage .frame.blank")
    assert page.page.request.get(f"{page.page.url}{picture}").status == 404
