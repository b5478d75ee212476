"""How quick `askmask count-shelves` is, and whether its memory stays flat.

    python -m benchmarks.shelf_throughput FOLDER --products FILE [--pictures N] [--workers N] [--ray] [--json]

Runs the command on the first N pictures of a folder, in a new run folder, and adds up what all of its processes have in
memory, every second: proportional set size, so that what they share counts once. Prints pictures a second, the peak
until picture 200, the peak of the whole run, and their ratio. This module does not know how anything is counted.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from workflows.shelf_count.inputs import list_pictures
from workflows.shelf_count.store import FILE

EARLY = 200
"""Pictures after which memory should not grow."""
SAMPLE_SECONDS = 1.0
_MARK = "ASKMASK_BENCHMARK_RUN"


def measure(
    folder: str, products: Path, pictures: int | None, options: Sequence[str], out: Path | None = None
) -> dict[str, Any]:
    """The figures of one run.

    Args:
        folder: what `count-shelves` takes.
        products: its product list.
        pictures: of the folder, in order; None: all.
        options: more for the command.
        out: folder of the run, new; None: a temporary one.

    Raises:
        SystemExit: the command failed.
    """
    with tempfile.TemporaryDirectory() as name:
        run, chosen = out or Path(name) / "run", Path(name) / "pictures.csv"
        with chosen.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["picture", "store", "shelf"])
            for found in list_pictures([folder]).pictures[:pictures]:
                writer.writerow([found.picture.address, found.picture.store, found.picture.shelf])
        command = [sys.executable, "-m", "workflows.cli", "count-shelves", str(chosen), "--products", str(products)]
        command += ["--out", str(run), "--json", "--no-report", *options]
        with (Path(name) / "told").open("w+") as told:
            process = subprocess.Popen(command, stdout=told, env={**os.environ, _MARK: name})
            samples = _watched(process, run / FILE, f"{_MARK}={name}".encode())
            told.seek(0)
            if process.returncode:
                raise SystemExit(process.returncode)
            summary = json.loads(told.read())
    counting = [size for done, size in samples if done]
    early = [size for done, size in samples if 0 < done <= EARLY]
    return {
        "pictures": summary["pictures"],
        "errors": summary["errors"],
        "seconds": summary["run"]["seconds"],
        "pictures_per_second": summary["run"]["pictures_per_second"],
        "peak_mb_early": round(max(early, default=0) / 1e6, 1),
        "peak_mb": round(max(counting, default=0) / 1e6, 1),
        "ratio": round(max(counting) / max(early), 3) if early else None,
        "options": list(options),
    }


def _watched(process: subprocess.Popen[Any], store: Path, mark: bytes) -> list[tuple[int, int]]:
    """(pictures kept, bytes of all processes) a second, until the command ends."""
    samples = []
    while process.poll() is None:
        samples.append((_kept(store), sum(map(_bytes, _those_with(mark)))))
        time.sleep(SAMPLE_SECONDS)
    return samples


def _kept(store: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            query = "SELECT count(*) FROM pictures WHERE place IS NOT NULL AND (work IS NOT NULL OR error != '')"
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.Error:  # not there yet
        return 0


def _those_with(mark: bytes) -> list[Path]:
    """The processes that have `mark` in their environment, those of Ray too, whoever started them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(folder)
        except OSError:  # gone, or somebody else's
            continue
    return found


def _bytes(process: Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", help="of pictures")
    parser.add_argument("--products", type=Path, required=True)
    parser.add_argument("--pictures", type=int, help="how many; default: all")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--models")
    parser.add_argument("--detector")
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--out", type=Path, help="keep the run in this folder")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    named = [(f"--{name}", getattr(given, name)) for name in ("workers", "models", "detector")]
    options = [str(part) for pair in named if pair[1] is not None for part in pair] + ["--ray"] * given.ray
    figures = measure(given.folder, given.products, given.pictures, options, given.out)
    if given.json:
        print(json.dumps(figures))
        return
    print(f"{figures['pictures']} pictures, {figures['errors']} errors: {figures['pictures_per_second']} a second")
    print(f"memory: {figures['peak_mb_early']} MB until picture {EARLY}, {figures['peak_mb']} MB in all")
    print(f"ratio: {figures['ratio']}")


if __name__ == "__main__":
    main()
