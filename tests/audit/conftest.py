"""An audit that a test may tamper with."""

import pytest

from provider.audit.chain import seal
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.infrastructure.database import transaction
from tests.audit.tampering import ADA


@pytest.fixture
def chain(app):
    """Ten linked entries."""
    with transaction():
        for number in range(1, 11):
            record(EventTag.SIGN_IN_SUCCEEDED, actor="account", account_id=ADA, ip="127.0.0.1", number=number)
        assert seal() == 10
    return app


@pytest.fixture
def file(tmp_path):
    """A file for anchors, which does not exist yet."""
    return tmp_path / "anchors"
