"""The store on a PostgreSQL server: what goes wrong, where pictures are, and that no error tells a password."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from agent_tools.errors import ConfigError, MemoryStoreError
from agent_tools.memory import CallRecord, Memory, Turn
from agent_tools.pictures import Picture
from agent_tools.settings import settings

Store = Any  # PostgresStore in conftest.py
Add = Callable[..., str]
SECRET = "hunter2"


@pytest.fixture
def store(postgres_store: Store) -> Store:
    return postgres_store


def host(store: Store) -> str:
    return store.address.partition("?")[2]


def whole_text(error: BaseException | None) -> str:
    """The error with all that a traceback would show above it."""
    shown = []
    while error is not None:
        shown.append(str(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(shown)


def check_house_form(error: BaseException, *steps: str) -> None:
    text = str(error)
    assert text.startswith("store=")
    assert ": expected " in text
    assert text.endswith(".")
    assert all(step in text for step in steps)
    assert "sqlalche.me" not in text
    assert SECRET not in whole_text(error)


@pytest.mark.parametrize(
    ("address", "wrong", "step"),
    [
        (f"postgresql://stranger:{SECRET}@/postgres?HOST", "does not let this user in", "Correct ASKMASK_STORE"),
        (f"postgresql://nobody:{SECRET}@/postgres?HOST", "names something that is not", "createdb or createuser"),
        (f"postgresql://postgres:{SECRET}@/nowhere?HOST", "names something that is not", "createdb or createuser"),
        (f"postgresql://me:{SECRET}@/postgres?host=/nowhere", "cannot be reached", "Start it and try again"),
        (f"postgres://me@127.0.0.1:1/x?password={SECRET}", "cannot be reached", "Start it and try again"),
        (f"postgresql://postgres:{SECRET}@/postgres?HOST&colour=red", "cannot be used", "Correct ASKMASK_STORE"),
    ],
)
def test_server_that_cannot_be_used_is_an_error_without_the_password(
    store: Store, address: str, wrong: str, step: str
) -> None:
    store.execute("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN PASSWORD 'another'")
    with pytest.raises(MemoryStoreError, match=wrong) as caught:
        Memory(store.folder, store=address.replace("HOST", host(store)))
    check_house_form(caught.value, step)


@pytest.mark.parametrize(
    "address", [f"mysql://me:{SECRET}@host/x", f"me:{SECRET}@host/x", f"postgresql://me:{SECRET}@host:port/x", ""]
)
def test_address_of_something_else_is_a_config_error_without_the_password(folder: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="is no address of PostgreSQL") as caught:
        Memory(folder, store=address)
    check_house_form(caught.value, "Correct ASKMASK_STORE")


def test_store_without_the_driver_is_a_config_error_that_names_the_extra(folder: Path) -> None:
    code = f"""
import sys
sys.modules["psycopg"] = None
from agent_tools.errors import ConfigError
from agent_tools.memory import Memory
try:
    Memory({str(folder)!r}, store="postgresql://me:{SECRET}@/x")
except ConfigError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.startswith("store=postgresql://me@/x needs a driver that cannot be imported")
    assert said.endswith("Install it with: pip install 'askmask[postgres]'.\n")
    assert SECRET not in said


def test_setting_chooses_the_store_and_is_never_shown(store: Store, monkeypatch: pytest.MonkeyPatch, add: Add) -> None:
    monkeypatch.setenv("ASKMASK_STORE", store.address.replace("postgres@", f"postgres:{SECRET}@"))
    settings.cache_clear()
    assert SECRET not in repr(settings())
    with Memory() as memory:
        conversation = memory.create()
    with store.open() as memory:
        assert [one.id for one in memory.conversations()] == [conversation]
    for elsewhere in (Memory.temporary(), Memory(store.folder / "of its own")):
        with elsewhere:
            assert elsewhere.conversations() == [], "a folder that is named is a store of its own"


def test_store_of_a_user_without_rights_is_an_error_that_names_them(store: Store, add: Add) -> None:
    with store.open() as memory:
        memory.create()
    store.execute("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA askmask TO reader")
    store.execute("GRANT SELECT ON ALL TABLES IN SCHEMA askmask TO reader")
    with Memory(store.folder, store=store.address.replace("postgres@", "reader@")) as memory:
        assert len(memory.conversations()) == 1
        with pytest.raises(MemoryStoreError, match="cannot be written") as caught:
            memory.create()
        check_house_form(caught.value, "GRANT")
    store.execute("DROP SCHEMA askmask CASCADE")
    with pytest.raises(MemoryStoreError, match="cannot be written") as caught:
        Memory(store.folder, store=store.address.replace("postgres@", "reader@"))
    check_house_form(caught.value, "GRANT CREATE ON DATABASE")


def test_text_that_the_server_cannot_keep_is_an_error_and_loses_nothing(store: Store, add: Add) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            add(turn)
        before = memory.state(conversation)

        def say() -> None:
            with memory.turn(conversation, f"{SECRET}\0") as turn:
                add(turn)

        with pytest.raises(MemoryStoreError, match="cannot keep this text") as caught:
            say()
        check_house_form(caught.value, "Leave them out")
        assert memory.state(conversation) == before


def test_connection_that_the_server_dropped_is_replaced_between_turns_and_an_error_within_one(
    store: Store, add: Add
) -> None:
    drop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '' AND datname IS NOT NULL"

    with store.open() as memory:
        conversation = memory.create()
        store.execute(f"{drop} AND pid <> pg_backend_pid()")
        with memory.turn(conversation) as turn:
            add(turn)
        before = memory.state(conversation)

        @event.listens_for(memory._store._engine, "before_cursor_execute")
        def cut(_c: object, _d: object, statement: str, *_: object) -> None:
            if statement.startswith("INSERT INTO versions"):
                store.execute(f"{drop} AND pid <> pg_backend_pid()")

        def write() -> None:
            with memory.turn(conversation) as turn:
                add(turn)

        with pytest.raises(MemoryStoreError, match="cannot be reached") as caught:
            write()
        check_house_form(caught.value, "every finished turn is kept")
        event.remove(memory._store._engine, "before_cursor_execute", cut)
        assert memory.state(conversation) == before
        write()
        assert list(memory.state(conversation).objects) == ["m1", "m2"]


def test_turn_waits_for_the_servers_disk_unless_it_only_took_in_pictures_and_gestures(
    store: Store, picture: Callable[[int], Picture], add: Add
) -> None:
    levels: list[str] = []
    with store.open() as memory:
        conversation = memory.create()

        @event.listens_for(memory._store._engine, "commit")
        def note(connection: Any) -> None:
            levels.append(connection.exec_driver_sql("SHOW synchronous_commit").scalar_one())

        def level(work: Callable[[Turn], object]) -> str:
            with memory.turn(conversation) as turn:
                work(turn)
            return levels[-1]

        assert level(lambda turn: turn.open_picture(picture(100))) == "off"
        assert level(add) == "on"
        assert level(lambda turn: turn.add_gesture("p1", "point", [(1, 1)])) == "off"
        assert level(lambda turn: turn.record_call(CallRecord("c1", "count"))) == "on"


def test_pictures_of_stores_in_one_data_folder_are_kept_apart(
    store: Store, sqlite_store: Store, picture: Callable[[int], Picture]
) -> None:
    assert store.folder == sqlite_store.folder
    of: dict[str, str] = {}
    for place in (store, sqlite_store):
        with place.open() as memory:
            of[place.name] = memory.create()
            with memory.turn(of[place.name]) as turn:
                turn.open_picture(picture(7))
    with store.open() as shared:
        shared.erase(of[store.name])
    with sqlite_store.open() as own, own.turn(of[sqlite_store.name]) as turn:
        assert turn.picture().digest == picture(7).digest


def test_picture_saved_below_another_data_folder_is_an_error_that_names_the_setting(
    store: Store, tmp_path: Path, add: Add
) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            add(turn)
    with Memory(tmp_path / "another machine", store=store.address) as memory:
        assert list(memory.state(conversation).objects) == ["m1"]
        with memory.turn(conversation) as turn, pytest.raises(MemoryStoreError, match="cannot be read back") as caught:
            turn.picture()
    assert "set ASKMASK_DATA_DIR to the folder that every process of this store shares" in str(caught.value)


def test_database_keeps_nothing_of_ours_outside_the_schema(store: Store) -> None:
    with store.open() as memory:
        memory.create()
    with store.connected() as connection:
        outside = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(outside).fetchall() == []
