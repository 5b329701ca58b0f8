"""A worker's walk of bulk logouts, in a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.processes import own_environment
from provider.config import Settings
from tests.support.warm_programs import WarmProcess, WarmPrograms

_WALK = """
import time
from provider.app import create_app
from provider.config import load_settings
from provider.logout.bulk import walk as bulk_walk

with create_app(load_settings()).app_context():
    while True:
        bulk_walk.carry_on_if_free("walker")
        time.sleep(0.05)
"""


@contextmanager
def walking(programs: WarmPrograms, settings: Settings, pace: int, log: Path) -> Iterator[WarmProcess]:
    """Walk at this pace, in rows a second, until the block is left or the process is killed."""
    environ = own_environment(
        CURFEW_DATABASE_URL=settings.database_url,
        CURFEW_DATA_DIR=str(settings.data_dir),
        CURFEW_SECRET_KEY=settings.secret_key,
        CURFEW_BULK_LOGOUT_PACE=str(pace),
    )
    with log.open("wb") as file:
        walker = programs.start(["-c", _WALK], environ, file)
    try:
        yield walker
    finally:
        walker.kill()
        walker.wait()
