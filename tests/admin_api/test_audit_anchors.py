"""The anchors of the audit chain and their failures, in the admin API and at the console."""

from dataclasses import replace
from datetime import timedelta

import pytest

from provider.audit.anchoring import anchor_due
from provider.audit.chain import head, seal
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.infrastructure import clock
from provider.infrastructure.database import transaction
from tests.console.conftest import sign_in


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "kept"


@pytest.fixture
def settings(settings, folder, tmp_path):
    targets = (f"file:{folder / 'anchors'}", f"file:{tmp_path / 'others'}")
    return replace(settings, audit_anchors=targets)


@pytest.fixture
def sealed(app):
    """A log whose end is linked."""
    with transaction():
        record(EventTag.DATABASE_RESTORED, actor="admin")
        seal()


@pytest.fixture
def page(cleo, browser):
    """Reads the console's page of the audit log."""

    def read() -> str:
        http = browser()
        sign_in(http, "cleo")
        return http.get("/admin/audit").text

    return read


@pytest.mark.usefixtures("sealed")
def test_each_target_says_what_was_anchored_there_or_why_it_fails(admin, folder, page, turned_clock):
    anchor_due()
    failed_at, anchored = clock.now(), head()
    turned_clock.turn(timedelta(minutes=2))
    anchor_due()

    failing, fine = admin.get("/audit-anchors")["items"]
    assert failing["target"] == f"file:{folder / 'anchors'}"
    assert (failing["seq"], failing["anchored_at"]) == (None, None)
    assert failing["failing_since"] == failed_at.isoformat().replace("+00:00", "Z")
    assert failing["failure"] == "No such file or directory"
    assert "the folder must exist" in failing["cure"]
    assert fine["seq"] == anchored.seq
    assert (fine["failing_since"], fine["failure"], fine["cure"]) == (None, None, None)
    shown = page()
    assert "is not anchored at" in shown
    assert "No such file or directory, since " in shown

    folder.mkdir()
    anchor_due()

    assert {one["failure"] for one in admin.get("/audit-anchors")["items"]} == {None}
    assert "is not anchored at" not in page()


def test_who_may_not_read_the_audit_learns_nothing(as_service):
    assert as_service("curfew:admin:read").get("/audit-anchors", 403)["type"].endswith("insufficient_scope")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestWithoutTargets:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, audit_anchors=())

    def test_the_console_says_what_that_means(self, admin, page):
        assert admin.get("/audit-anchors")["items"] == []
        assert "The end of the chain is kept nowhere else" in page()
