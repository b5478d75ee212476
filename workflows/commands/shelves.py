"""`askmask count-shelves`: folders of shelf pictures in, counts against what should be there out.

Loads nothing before it runs. This module does not know how shelves are counted or results kept.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from agent_tools.shelves.products import ProductList
    from workflows.commands.session import Choice
    from workflows.shelf_count.one_picture import Job
    from workflows.shelf_count.run import Tally
    from workflows.shelf_count.store import FoundPicture, RunStore

OUT = Path("askmask-shelves")


def count_shelves(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURES...",
            help="Folders, globs, .txt lists, .csv tables with columns picture, store, shelf, time; paths or addresses "
            "such as s3://bucket/shop.",
        ),
    ],
    products: Annotated[
        Path, typer.Option(metavar="FILE", help="The products: .csv or .xlsx with columns sku, phrases, expected.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the run; the same one goes on with it.")] = OUT,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that count; default: one a core, or one a GPU.")
    ] = None,
    ray: Annotated[bool, typer.Option("--ray", help="Count on Ray; started here without --ray-address.")] = False,
    ray_address: Annotated[str | None, typer.Option(help="Of a Ray cluster, host:port or auto.")] = None,
    models: Annotated[str | None, typer.Option(help="Preset demo, fast, base or best, or http://host:port.")] = None,
    detector: Annotated[str | None, typer.Option(help="In place of the preset's, as for ask.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda:n or mps.")] = None,
    examples: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Folder of a reviewed run; its corrections become examples.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Count every picture again; corrections stay.")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.html.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Count the products on pictures of shelves. A run that was cut off goes on with the same command."""
    from agent_tools.shelves.product_lists import read_products
    from workflows.commands.session import Choice
    from workflows.commands.terminal import note
    from workflows.shelf_count.corrections import brought_near, examples_from
    from workflows.shelf_count.inputs import list_pictures
    from workflows.shelf_count.store import RunStore

    choice = Choice(models, detector, device=device)
    if notice := choice.notice():
        note(notice)
    listed = read_products(products)
    if examples is not None:
        more = examples_from(examples)
        with_more = (replace(one, examples=(*one.examples, *more.get(one.sku, ()))) for one in listed.products)
        listed = replace(listed, products=tuple(with_more))
    listed = replace(listed, products=brought_near(listed.products, out / "examples"))
    found = list_pictures(pictures, leave_out=out)
    for notice in (*listed.notices, *found.notices):
        note(notice)
    plan = _Plan(choice, listed, found.pictures, workers, ray or ray_address is not None, ray_address)
    with RunStore.create(out) as store:
        tally = _count(store, plan, again)
        files = _write(out, store, choice, report=not no_report)
        told = _summary(store, tally, files, plan)
    _show(told, as_json=json)
    if told["pictures"] and told["pictures"] == told["errors"]:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Plan:
    choice: Choice
    products: ProductList
    found: tuple[FoundPicture, ...]
    workers: int | None
    ray: bool
    ray_address: str | None

    def models(self) -> dict[str, str]:
        """What looks, and which askmask: all that a count depends on but products and pictures."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            release = version("askmask")
        except PackageNotFoundError:
            release = "source"
        return {**self.choice.names(), "askmask": release}

    def job(self) -> Job:
        from agent_tools.services.checkpoints import HUB_ID, locate
        from agent_tools.settings import settings
        from workflows.commands.model_server import findable
        from workflows.shelf_count.one_picture import Job

        names = self.choice.names()
        if HUB_ID.fullmatch(names["detector"]):
            locate(names["detector"], "detector")  # fetched once, here, and not by every worker
        detector = findable(self.choice.detector or settings().detector)
        preset = names["preset"] if names["preset"] != "custom" else self.choice.models
        return Job(self.products.products, preset, detector, self.choice.device or settings().device)


def _count(store: RunStore, plan: _Plan, again: bool) -> Tally:
    """Count what is left, telling a person how far it is."""
    from workflows.commands.terminal import counting, note
    from workflows.shelf_count.run import Tally, count_here, keep_all, usual_workers

    if again:
        store.drop_counts()
    before = store.fingerprint
    left = store.begin(plan.products, plan.models(), plan.found)
    done = len(plan.found) - len(left)
    if before not in ("", store.fingerprint):
        note("other products or models than before: counting again what was counted with those; corrections stay")
    if done:
        note(f"{done} of {len(plan.found)} pictures are counted already and have not changed")
    if not left:
        return Tally()
    job = plan.job()
    if plan.ray:
        from workflows.shelf_count.on_ray import count_on_ray

        results = count_on_ray(store, plan.found, left, job, plan.workers, plan.ray_address)
    else:
        results = count_here(store, plan.found, left, job, plan.workers or usual_workers(job.device or "auto"))
    kept = 0
    began = time.monotonic()
    with counting("pictures", len(left)) as advance:

        def progress(_: object) -> None:
            nonlocal kept
            kept += 1
            advance()

        try:
            return keep_all(store, results, progress)
        except BaseException:
            seconds = time.monotonic() - began
            note(
                f"stopped after {seconds:.0f} s: {done + kept} of {len(plan.found)} pictures are counted and kept. "
                "The same command goes on from there"
            )
            raise


def _write(out: Path, store: RunStore, choice: Choice, report: bool) -> list[Path]:
    """The tables and the report, made anew."""
    from agent_tools.services.presets import load_services
    from workflows.commands.terminal import working
    from workflows.shelf_count.tables import write_tables

    with working("writing the tables") as say:
        files = write_tables(out, store)
        if report:
            from workflows.shelf_count.report import write_report

            say("writing the report")
            services = load_services(choice.models, choice.device, choice.detector)
            files.append(write_report(out, store, services))
    return files


def _summary(store: RunStore, tally: Tally, files: list[Path], plan: _Plan) -> dict[str, Any]:
    """What a run came to, as ``--json`` prints it."""
    from workflows.shelf_count.settled import settled, wants_review
    from workflows.shelf_count.totals import Totals

    products = plan.products.products
    totals, errors, review = Totals(products), 0, 0
    for result in store.results():
        count = settled(result, products)
        totals.add(result, count)
        errors += count is None
        review += wants_review(result, count)
    looked = tally.counted + tally.copied + tally.failed
    return {
        "pictures": len(plan.found),
        "errors": errors,
        "review": review,
        "products": {
            each.sku: {
                "name": each.name,
                "n": each.n,
                "low": each.low,
                "high": None if each.saturated else each.high,
                "expected": None if each.expected is None else list(each.expected),
                "differing": each.differing,
            }
            for each in totals.by_sku.values()
        },
        "files": [str(file.absolute()) for file in files],
        "run": {
            "counted": tally.counted,
            "copied": tally.copied,
            "failed": tally.failed,
            "seconds": round(tally.seconds, 3),
            "pictures_per_second": round(looked / tally.seconds, 3) if tally.seconds else None,
        },
        "models": store.models,
    }


def _show(told: dict[str, Any], as_json: bool) -> None:
    from workflows.commands.terminal import result, result_json
    from workflows.shelf_count.wording import amount

    if as_json:
        result_json(told)
        return
    errors = f", {told['errors']} could not be counted (see the tables)" if told["errors"] else ""
    pictures = f"{told['pictures']} picture{'' if told['pictures'] == 1 else 's'}"
    result(f"{pictures}{errors}; {told['review']} to review")
    for each in told["products"].values():
        high = "or more" if each["high"] is None else f"({each['low']} to {each['high']})"
        wanted = f", expected {amount(*each['expected'])}" if each["expected"] else ""
        differing = f", differs in {each['differing']}" if each["differing"] else ""
        result(f"  {each['name']}: {each['n']} {high}{wanted}{differing}")
    if rate := told["run"]["pictures_per_second"]:
        result(f"{rate:.2f} pictures a second, {told['run']['seconds']:.0f} s")
    for file in told["files"]:
        result(f"wrote {file}")
