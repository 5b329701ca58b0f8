"""The door to the database: what it says while the database is away."""

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from provider.infrastructure.database import db, is_unreachable, transaction
from tests.support.losing_database import locked_for_good


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_locked_database_fails_as_every_database_that_is_away(app: Flask) -> None:
    with locked_for_good(), pytest.raises(OperationalError, match="locked") as failed, transaction():
        pass

    assert is_unreachable(failed.value)
    with transaction():
        assert db.session.scalar(text("SELECT 1")) == 1
