"""The drill of docs/operate/restore.md on PostgreSQL: dump, logouts, restore, command, check."""

import json
from pathlib import Path

import pytest

from tests.faults.site import Site

pytestmark = pytest.mark.processes
OLDER = 5


@pytest.fixture
def site(open_site):
    return open_site("postgresql")


def test_the_drill(site: Site) -> None:
    server, backup = site.database.server, Path(site.database.server.folder) / "drill.dump"
    visits = site.visitors
    ended = visits.sign_in("ada", ["red", "green"])
    kept_offline = visits.sign_in("ben", ["blue"], scope="openid offline_access")
    site.note_how_far_it_is()
    server.dump(site.database, backup)

    visits.sign_out(ended)
    site.curfew("logout", "user", "ben", "--yes")
    lost = visits.sign_in("cleo", ["red"])
    site.wait_until_settled()
    site.note_how_far_it_is()
    heard = len(site.history.receipts)
    site.web.kill()
    site.workers[0].kill()
    server.restore(site.database, backup)

    site.curfew("serve", "--port", str(site.port), code=OLDER)
    site.curfew("worker", code=OLDER)
    found = json.loads(site.curfew("check", "--json", code=1))
    assert [one["name"] for one in found["checks"] if one["wrong"]] == ["database_history"]
    assert json.loads(site.curfew("db", "restored", "--dry-run", "--json"))["sessions"] == 2
    done = json.loads(site.curfew("db", "restored", "--yes", "--json"))
    assert (done["kind"], done["done"]) == ("all", 2)

    site.curfew("check")
    site.open(workers=1)
    # The app still has the session that the backup knows nothing of.
    visits.sign_out(lost)
    site.wait_until_settled()
    for visit in (ended, kept_offline, lost):
        assert not any(probe.worked for probe in visits.probe(visit))
    notified = {receipt.claims.get("sid") for receipt in site.history.receipts[heard:]}
    assert notified >= {
        client_session.sid
        for visit in (ended, kept_offline, lost)
        for client_session in visit.client_sessions.values()
    }
    again = visits.sign_in("ada", ["red", "green"])
    visits.sign_out(again)
