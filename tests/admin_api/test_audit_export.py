"""The audit log as a program follows it: in order, once, in the form that it wants."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.audit.models import AuditEvent
from provider.infrastructure import clock
from provider.infrastructure.database import change, transaction
from provider.infrastructure.opaque_tokens import new_id

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def written(admin):
    """Make everything written until now older than ten seconds."""
    with transaction():
        change(update(AuditEvent).values(at=clock.now() - timedelta(minutes=1)))


@pytest.mark.usefixtures("written")
def test_it_is_read_page_by_page_and_each_entry_once(admin):
    first = admin.get("/audit-export", limit=1)
    rest = admin.get("/audit-export", after=first["next"], format="jsonl")
    end = admin.get("/audit-export", after=rest["next"])

    assert first["items"][0]["metadata"]["version"] == "1.3.0"
    assert first["items"][0]["metadata"]["uid"] == first["next"]
    assert first["next"] not in [one["id"] for one in rest["items"]]
    assert rest["items"][-1]["id"] == rest["next"] == end["next"]
    assert end["items"] == []


def test_what_is_not_settled_comes_later(admin):
    assert admin.get("/audit-export") == {"items": [], "next": None}


def test_a_place_that_is_unknown_is_refused(admin):
    assert admin.get("/audit-export", 422, after=str(new_id()))["errors"][0]["pointer"] == "/after"
    assert admin.get("/audit-export", 422, format="cef")["errors"][0]["pointer"] == "/format"
