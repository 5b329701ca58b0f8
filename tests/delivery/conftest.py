"""What tests of results share."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.conftest import TurnedClock
from tests.delivery.recorded import Recorded


@pytest.fixture
def owner(app: Flask, turned_clock: TurnedClock) -> Iterator[Recorded]:
    """An owner of results, whose clock stands."""
    owner = Recorded()
    yield owner
    owner.results.close()
