"""The addresses beside the page itself: pictures, downloads, uploads, the page's own files.

An address that shows something of a conversation has the conversation's id in it, which nobody can guess; where people
log in, the id is not enough. This module does not know what is on the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.resources import files
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from agent_tools.editing import FILLING
from agent_tools.errors import AskmaskError, PictureError
from agent_tools.pictures import Picture
from workflows.web.downloads import download
from workflows.web.examples import examples, picture_of
from workflows.web.guard import COOKIE, owner_of, remember
from workflows.web.previews import LONGEST, THUMBNAIL, Preview, Previews
from workflows.web.rooms import Room, Rooms
from workflows.web.view import choices

_STATIC: Mapping[str, str] = {"stage.js": "text/javascript", "page.css": "text/css"}
_KEEP = {"Cache-Control": "private, max-age=86400, immutable"}
_PRIVATE = {"Cache-Control": "private, no-store"}
_NOBODY = JSONResponse({"error": "There is no such conversation or picture. Reload the page."}, 404)


def add_routes(app: FastAPI, rooms: Rooms) -> None:
    """Give the application its addresses."""
    previews = Previews()

    def room_of(conversation: str, request: Request) -> Room | None:
        return rooms.known(conversation, owner_of(request))

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in _STATIC:
            return Response(status_code=404)
        data = files("workflows.web").joinpath("static", name).read_bytes()
        return Response(data, media_type=_STATIC[name], headers={"Cache-Control": "max-age=3600"})

    @app.get("/pictures/{conversation}/{handle}/{which}")
    def picture(conversation: str, handle: str, which: str, request: Request) -> Response:
        room = room_of(conversation, request)
        if room is None:
            return _NOBODY
        return _answered(lambda: _picture(previews, room, handle, which))

    @app.get("/choices/{conversation}/{handle}")
    def other_masks(conversation: str, handle: str, request: Request) -> Response:
        room = room_of(conversation, request)
        if room is None:
            return _NOBODY
        return _answered(lambda: JSONResponse(choices(room, handle), headers=_PRIVATE))

    @app.get("/downloads/{conversation}/{handle}/{kind}")
    def downloaded(conversation: str, handle: str, kind: str, request: Request) -> Response:
        room = room_of(conversation, request)
        if room is None:
            return _NOBODY

        def file() -> Response:
            made = download(room, handle, kind)
            named = f"attachment; filename*=UTF-8''{quote(made.name)}"
            return Response(made.data, media_type=made.kind, headers={"Content-Disposition": named, **_PRIVATE})

        return _answered(file)

    @app.post("/pictures")
    async def upload(request: Request, name: str = "picture") -> Response:
        try:
            data = await request.body()
        except ClientDisconnect:  # it hung up, or the guard did, as it sent more than it said
            return JSONResponse({"error": "The picture did not come whole, or is too large."}, 413)
        return await run_in_threadpool(_opened, rooms, request, lambda: Picture.from_bytes(data, name))

    @app.get("/examples")
    def all_examples() -> list[dict[str, object]]:
        return [asdict(each) for each in examples()]

    @app.get("/examples/{number}.jpg")
    def example(number: int) -> Response:
        try:
            made = previews.preview(picture_of(number), (), _no_other, 2 * THUMBNAIL)
        except IndexError:
            return Response(status_code=404)
        return Response(made.data, media_type=made.kind, headers=_KEEP)

    @app.post("/examples/{number}")
    def open_example(number: int, request: Request) -> Response:
        return _opened(rooms, request, lambda: picture_of(number))

    @app.post("/leave")
    def leave() -> Response:
        answer = JSONResponse({})
        answer.delete_cookie(COOKIE)
        return answer

    @app.post("/erase/{conversation}")
    def erase(conversation: str, request: Request) -> Response:
        def gone() -> Response:
            rooms.erase(conversation, owner_of(request))
            answer = JSONResponse({})
            answer.delete_cookie(COOKIE)
            return answer

        return _answered(gone)


def _picture(previews: Previews, room: Room, handle: str, which: str) -> Response:
    original = room.picture(handle)
    edits = [one for one in room.state.edits if one.picture == handle] if which != "original" else []
    longest = THUMBNAIL if which == "small" else LONGEST
    inpainter = room.toolkit.inpainter if any(one.action in FILLING for one in edits) else None
    made: Preview = previews.preview(original, edits, room.picture, longest, inpainter)
    # What an address shows never changes but for "small": its last part says which edits are done.
    return Response(made.data, media_type=made.kind, headers=_PRIVATE if which == "small" else _KEEP)


def _opened(rooms: Rooms, request: Request, source: Callable[[], Picture]) -> Response:
    """Take a picture into the conversation that the page shows, or begin one."""

    def open_it() -> Response:
        picture = source()
        notices = list(picture.notices)
        conversation = request.headers.get("x-askmask-conversation", "")
        room, handle = rooms.open(picture, conversation, owner_of(request))
        answer = JSONResponse({"conversation": room.id, "handle": handle, "notices": notices})
        remember(answer, request, room.id)
        return answer

    return _answered(open_it)


def _answered(make: Callable[[], Response]) -> Response:
    """An answer, or why there is none, in words for the person."""
    try:
        return make()
    except AskmaskError as error:
        return JSONResponse({"error": str(error)}, 400, headers=_PRIVATE)


def _no_other(handle: str) -> Picture:
    raise PictureError(f"picture={handle} is not here: expected none. Leave it out.")
