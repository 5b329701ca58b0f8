"""The drill of docs/operate/restore.md on PostgreSQL: dump, logouts, restore, command, check."""

import json
from pathlib import Path

import pytest

from tests.faults.house import House

pytestmark = pytest.mark.processes
OLDER = 5


@pytest.fixture
def house(open_house):
    return open_house("postgresql")


def note_how_far_it_is(house: House) -> None:
    """Link the audit and remember its end, as the worker and each node do every few seconds."""
    house.curfew("audit", "head")
    house.wait_until_open()


def test_the_drill(house: House) -> None:
    server, backup = house.database.server, Path(house.database.server.folder) / "drill.dump"
    visits = house.visitors
    ended = visits.sign_in("ada", ["red", "green"])
    kept_offline = visits.sign_in("ben", ["blue"], scope="openid offline_access")
    note_how_far_it_is(house)
    server.dump(house.database, backup)

    visits.sign_out(ended)
    house.curfew("logout", "user", "ben", "--yes")
    lost = visits.sign_in("cleo", ["red"])
    house.wait_until_settled()
    note_how_far_it_is(house)
    heard = len(house.history.receipts)
    house.web.kill()
    house.workers[0].kill()
    server.restore(house.database, backup)

    house.curfew("serve", "--port", str(house.port), code=OLDER)
    house.curfew("worker", code=OLDER)
    found = json.loads(house.curfew("check", "--json", code=1))
    assert [one["name"] for one in found["checks"] if one["wrong"]] == ["database_history"]
    assert json.loads(house.curfew("db", "restored", "--dry-run", "--json"))["sessions"] == 2
    done = json.loads(house.curfew("db", "restored", "--yes", "--json"))
    assert (done["kind"], done["done"]) == ("all", 2)

    house.curfew("check")
    house.open(workers=1)
    # The app still has the session that the backup knows nothing of.
    visits.sign_out(lost)
    house.wait_until_settled()
    for visit in (ended, kept_offline, lost):
        assert not any(probe.worked for probe in visits.probe(visit))
    notified = {receipt.claims.get("sid") for receipt in house.history.receipts[heard:]}
    assert notified >= {
        client_session.sid
        for visit in (ended, kept_offline, lost)
        for client_session in visit.client_sessions.values()
    }
    again = visits.sign_in("ada", ["red", "green"])
    visits.sign_out(again)
