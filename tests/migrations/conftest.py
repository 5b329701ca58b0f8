"""Databases at any revision: a process of the test run brings one of each kind there, and copies it."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, make_url

from provider.infrastructure import schema
from provider.infrastructure.engine import prepare_engine
from tests.faults.conftest import sites  # noqa: F401 – a fixture.
from tests.support.databases import another_database

EMPTY = "base"
# Makes a copy of a database from its URL (None: an empty one), under a name; returns its URL.
Copy = Callable[[str | None, str], str]


@pytest.fixture(scope="package", autouse=True)
def migrations_read_once() -> Iterator[None]:
    """Have Alembic keep the migrations of a folder: it reads sixty files at each step up or down."""
    read = ScriptDirectory.from_config
    known: dict[str | None, ScriptDirectory] = {}

    def kept(config: Config) -> ScriptDirectory:
        location = config.get_main_option("script_location")
        known[location] = known.get(location) or read(config)
        return known[location]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", kept)
        yield


class Templates:
    """Databases without rows, each brought to its revision from the nearest one before it."""

    def __init__(self, copy: Copy) -> None:
        self._copy = copy
        self._urls: dict[str, str] = {}

    def copy(self, revision: str, name: str) -> str:
        """Return the URL of a new database that stands at a revision."""
        if revision == EMPTY:
            return self._copy(None, name)
        return self._copy(self._template(schema.newest_revision() if revision == "head" else revision), name)

    def _template(self, revision: str) -> str:
        if revision not in self._urls:
            nearest = max((known for known in self._urls if known < revision), default=None)
            url = self._copy(nearest and self._urls[nearest], f"at_{revision}")
            engine = create_engine(url)
            prepare_engine(engine)
            schema.upgrade(engine, revision)
            engine.dispose()
            self._urls[revision] = url
        return self._urls[revision]


@pytest.fixture(scope="session")
def sqlite_templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    folder = tmp_path_factory.mktemp("revisions")
    numbers = count()

    def copy(url: str | None, name: str) -> str:
        path = folder / f"{name}_{next(numbers)}.sqlite3"
        if url:
            shutil.copyfile(make_url(url).database or "", path)
        return f"sqlite:///{path}"

    return Templates(copy)


@pytest.fixture(scope="session")
def postgresql_templates(postgres_url: str) -> Templates:
    return Templates(lambda url, name: another_database(postgres_url, name, template=url))


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_at(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Engine]]:
    """Makes the database of a test, which stands at a revision."""
    templates: Templates = request.getfixturevalue(f"{request.param}_templates")
    engines: list[Engine] = []

    def make(revision: str) -> Engine:
        engine = create_engine(templates.copy(revision, "migrations"))
        prepare_engine(engine)
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def engine(engine_at: Callable[[str], Engine]) -> Engine:
    """An empty database of its own."""
    return engine_at(EMPTY)
