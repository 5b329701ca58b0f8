"""A database that says nothing, waits or is cut off: who waits how long, and how long rows stay locked."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from provider.config import Settings
from provider.infrastructure.database_errors import is_unreachable
from provider.infrastructure.database_wait import waiting_at_most
from provider.infrastructure.engine import Role, engine_options, limits_of, prepare_engine
from tests.faults.databases import PostgresServer
from tests.faults.proxy import Wire
from tests.support.waiting import wait_until

pytestmark = pytest.mark.waits

DEADLINE = timedelta(seconds=2)
# Far below the half minute that TCP takes, and generous to a busy machine.
SOON = 20
LOCK = text("SELECT id FROM thing WHERE id = 1 FOR UPDATE")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.make()
    with admin_of(server) as admin:
        admin.execute("CREATE TABLE thing (id integer PRIMARY KEY)")
        admin.execute("INSERT INTO thing VALUES (1)")
    yield server
    server.stop()


@contextmanager
def admin_of(server: PostgresServer) -> Iterator["psycopg.Connection"]:
    where = f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres"
    with psycopg.connect(where, autocommit=True) as connection:
        yield connection


@pytest.fixture
def wire(server: PostgresServer) -> Iterator[Wire]:
    wire = Wire(("127.0.0.1", server.port))
    yield wire
    wire.close()


@pytest.fixture
def engine_at() -> Iterator[Callable[..., Engine]]:
    """Makes engines as the provider's processes have them."""
    engines: list[Engine] = []

    def make(port: int, role: Role = Role.WEB, **changes: object) -> Engine:
        url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres?sslmode=disable&gssencmode=disable"
        settings = Settings(**({"database_url": url, "database_deadline": DEADLINE} | changes))
        engine = create_engine(url, **engine_options(settings, role))
        prepare_engine(engine, limits=limits_of(role, settings))
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.dispose()


@contextmanager
def gives_up(*, within: float = SOON) -> Iterator[None]:
    """The work is refused as with every database that is away, in this time."""
    began = time.monotonic()
    with pytest.raises(OperationalError) as lost, waiting_at_most(DEADLINE):
        yield
    assert is_unreachable(lost.value)
    assert time.monotonic() - began < within


def ask(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def test_a_request_waits_no_longer_than_its_deadline(wire, engine_at):
    engine = engine_at(wire.port)
    ask(engine)
    wire.poison(hole=True)

    with gives_up(within=3.5):
        ask(engine)
    with gives_up(within=3.5):
        # Nor for a new connection.
        ask(engine)

    wire.heal()
    with waiting_at_most(DEADLINE):
        ask(engine)


def test_all_waits_of_a_request_are_one(wire, engine_at):
    engine = engine_at(wire.port)
    with gives_up(), engine.connect() as connection:
        for _ in range(100):
            connection.execute(text("SELECT pg_sleep(0.2)"))


def test_work_without_a_deadline_takes_its_time(wire, engine_at):
    engine = engine_at(wire.port, Role.COMMAND, database_deadline=timedelta(seconds=2))

    with engine.connect() as connection:
        connection.execute(text("SELECT pg_sleep(2.5)"))


def test_a_database_that_hangs_is_not_asked_for_ever_more_connections(server, engine_at):
    """A session that waits for a standby keeps its backend, even if its client is gone."""
    engine = engine_at(server.port, database_pool_size=2)
    backends = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with admin_of(server) as admin, no_standby(admin):
        for _ in range(2):
            with gives_up():
                insert(engine)

        with gives_up(within=1):
            insert(engine)
        assert admin.execute(backends).fetchone() == (2,)
    wait_until(lambda: answers(engine))


def insert(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO thing VALUES ((1e9 * random())::integer + 2)"))


def lock(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(LOCK)


def answers(engine: Engine) -> bool:
    try:
        with waiting_at_most(DEADLINE):
            ask(engine)
    except OperationalError:
        return False
    return True


@pytest.mark.parametrize("role", [Role.WEB, Role.WORKER])
def test_the_rows_of_a_process_that_is_cut_off_are_soon_free(server, wire, engine_at, role):
    cut_off = engine_at(wire.port, role, database_pause=timedelta(seconds=1))
    with cut_off.connect() as connection, admin_of(server) as admin:
        connection.execute(LOCK)
        wire.poison(hole=True)
        began = time.monotonic()

        admin.execute("SELECT id FROM thing WHERE id = 1 FOR UPDATE")

        assert time.monotonic() - began < SOON
        connection.invalidate()


def test_who_waits_for_a_lock_and_is_gone_does_not_get_it(server, wire, engine_at):
    engine = engine_at(wire.port, Role.WORKER)
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    # What a transaction sees of other backends does not change, so another one looks.
    with (
        ThreadPoolExecutor(1) as thread,
        admin_of(server) as admin,
        admin_of(server) as holder,
        holder.transaction(),
    ):
        holder.execute("SELECT id FROM thing WHERE id = 1 FOR UPDATE")
        locking = thread.submit(lock, engine)
        wait_until(lambda: admin.execute(waiting).fetchone())
        wire.cut()
        assert isinstance(locking.exception(), OperationalError)

        # The backend leaves though what it waits for is not free.
        wait_until(lambda: admin.execute(waiting).fetchone() is None)


def test_the_database_ends_a_statement_that_waits_for_longer_than_a_request(server, engine_at):
    engine = engine_at(server.port)
    with admin_of(server) as admin, admin.transaction():
        admin.execute("SELECT id FROM thing WHERE id = 1 FOR UPDATE")

        with pytest.raises(OperationalError, match="statement timeout") as ended:
            lock(engine)

    assert is_unreachable(ended.value)


def test_a_commit_that_waits_for_a_dead_standby_is_not_taken_for_done(server, engine_at):
    engine = engine_at(server.port)
    with admin_of(server) as admin, no_standby(admin), gives_up():
        insert(engine)


@contextmanager
def no_standby(admin: "psycopg.Connection") -> Iterator[None]:
    """Every commit waits for a standby that is not there."""
    set_standby(admin, "nobody")
    try:
        yield
    finally:
        set_standby(admin, "")


def set_standby(admin: "psycopg.Connection", name: str) -> None:
    admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    admin.execute("SELECT pg_reload_conf()")
    wait_until(lambda: admin.execute("SHOW synchronous_standby_names").fetchone() == (name,))


def test_a_server_that_has_become_read_only_is_left(server, engine_at):
    engine = engine_at(server.port)
    with engine.connect() as connection:
        backend = connection.scalar(text("SELECT pg_backend_pid()"))
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
        connection.commit()
        with pytest.raises(Exception, match="read-only") as refused:
            connection.execute(text("INSERT INTO thing VALUES (3)"))

    assert is_unreachable(refused.value)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != backend


def test_what_the_operator_says_in_the_url_stands(server):
    url = f"postgresql+psycopg://postgres@127.0.0.1:{server.port}/postgres"
    settings = Settings(database_url=f"{url}?options=-c%20statement_timeout%3D1234")
    engine = create_engine(settings.database_url, **engine_options(settings))
    prepare_engine(engine, limits=limits_of(Role.WEB, settings))

    with engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "1234ms"
        assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "4s"
        assert connection.scalar(text("SHOW client_connection_check_interval")) == "2s"
    engine.dispose()


def test_random_reads_count_as_cheap_unless_the_operator_says_otherwise(server):
    url = f"postgresql+psycopg://postgres@127.0.0.1:{server.port}/postgres"

    assert random_page_cost(url) == "1.1"
    assert random_page_cost(f"{url}?options=-c%20random_page_cost%3D3") == "3"
    with admin_of(server) as admin:
        admin.execute("ALTER DATABASE postgres SET random_page_cost = 2")
        assert random_page_cost(url) == "2"
        admin.execute("ALTER DATABASE postgres RESET random_page_cost")


def random_page_cost(url: str) -> str:
    settings = Settings(database_url=url)
    engine = create_engine(settings.database_url, **engine_options(settings))
    prepare_engine(engine, limits=limits_of(Role.WEB, settings))
    with engine.connect() as connection:
        said = connection.scalar(text("SHOW random_page_cost"))
    engine.dispose()
    return said
