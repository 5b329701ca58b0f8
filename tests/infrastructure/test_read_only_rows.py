"""Rows that are only read hold the values of their statement, and refuse everything else."""

import pytest
from sqlalchemy import select

from provider.accounts.models import Account
from provider.infrastructure.database import db, in_transaction
from provider.infrastructure.read_only_rows import NotSelected, ReadOnly, columns_of, find_one

_NAMED = ReadOnly(Account, "id", "username")


def _read(username: str) -> Account | None:
    row = find_one(select(*columns_of(_NAMED)).where(Account.username == username), {})
    return row and _NAMED.take(iter(row))


def test_holds_what_was_selected(ada):
    assert (_read("ada").id, _read("ben")) == (ada.id, None)


def test_refuses_what_was_not_selected(ada):
    with pytest.raises(NotSelected, match="sub of a Account was not selected"):
        getattr(_read("ada"), "sub", "a default")


def test_refuses_changes(ada):
    read = _read("ada")
    with pytest.raises(AttributeError, match="only read"):
        read.username = "ben"
    assert _read("ada").username == "ada"


def test_sees_what_the_open_transaction_wrote(ada):
    def rename() -> str:
        db.session.get_one(Account, ada.id).username = "ada2"
        db.session.flush()
        return _read("ada2").username

    assert in_transaction(rename) == "ada2"


def test_no_connection_is_kept(ada):
    db.session.commit()
    before = db.engine.pool.checkedout()
    _read("ada")
    assert db.engine.pool.checkedout() == before
