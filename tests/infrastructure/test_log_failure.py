"""The log of an act that failed and is repeated, as a worker's turn is every second."""

import json

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from provider.infrastructure.database_errors import log_failure
from provider.infrastructure.event_log import JSONLines


def test_a_database_that_is_away_is_one_short_line(app, caplog):
    engine = create_engine("postgresql+psycopg://127.0.0.1:1/nothing", connect_args={"connect_timeout": 2})
    with pytest.raises(OperationalError) as failed:
        engine.connect()

    log_failure("turn_failed", failed.value, thread="duties")

    (line,) = written(caplog)
    assert (line["level"], line["event"], line["thread"]) == ("warning", "turn_failed", "duties")
    assert "refused" in line["reason"]
    assert "exception" not in line


def test_a_defect_is_written_with_its_traceback(app, caplog):
    try:
        _ = 1 // 0
    except ZeroDivisionError as exc:
        log_failure("turn_failed", exc)

    (line,) = written(caplog)
    assert line["level"] == "error"
    assert "ZeroDivisionError" in line["exception"]


def written(caplog) -> list[dict]:
    return [json.loads(JSONLines().format(one)) for one in caplog.records if one.name == "curfew"]
