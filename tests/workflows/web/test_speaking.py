"""Speaking to the page: a browser whose microphone plays a file, and what comes up to be corrected."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser import browser
from tests.workflows.web.visiting import WAIT, visitor


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """A request, spoken by espeak-ng."""
    speaker = shutil.which("espeak-ng")
    if speaker is None:
        missing = "requests are spoken by espeak-ng, which is missing (apt-get install espeak-ng)"
        pytest.fail(missing) if os.environ.get("SPEECH_REQUIRED") else pytest.skip(missing)
    file = tmp_path / "count.wav"
    subprocess.run([speaker, "-v", "en-us", "-s", "140", "-w", str(file), "count the oranges"], check=True)
    return file


def test_page_hears_a_request_and_waits_for_the_person_to_send_it(spoken: Path, address: str, oranges: bytes) -> None:
    microphone = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={spoken}%noloop",
    )
    with browser(*microphone) as speaking, visitor(speaking, address, permissions=["microphone"]) as page:
        page.open(oranges)
        page.page.locator("#askmask-sound button.record-button").click()
        page.page.wait_for_timeout(3500)
        page.page.locator("#askmask-sound button.stop-button").click()
        words = page.page.locator("#askmask-words textarea")
        page.page.wait_for_function("document.querySelector('#askmask-words textarea').value !== ''", timeout=WAIT)
        assert words.input_value() == "count the oranges"
        assert "Correct it if need be" in page.page.locator("#askmask-working").inner_text()
        assert page.answers() == [], "nothing is done before it is sent"
        words.press("Enter")
        page.wait_for_marked(8)
