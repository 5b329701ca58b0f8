"""A transaction runs on the driver's own connection until SQLAlchemy's is asked for."""

import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import String, Uuid, bindparam, cast, func, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from provider.infrastructure.connection_pool import Begun
from provider.infrastructure.database import connection, connection_to_read, db, transaction
from provider.infrastructure.one_row import change_at_commit
from provider.infrastructure.opaque_tokens import new_id
from provider.infrastructure.read_only_rows import find_one
from provider.sessions.models import Session
from tests.factories import make_session
from tests.support.reads import end_read

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

_NUMBER = select(cast(func.pg_current_xact_id_if_assigned(), String))
_OWN = Session.__table__.c.id == bindparam("session_id", type_=Uuid())
_LOCKED = select(Session.device).where(_OWN).with_for_update()
_NAME = update(Session.__table__).where(_OWN).values(device="named")
_MOVE = update(Session.__table__).where(_OWN).values(account_id=bindparam("other_account", type_=Uuid()))


@pytest.fixture
def session(ada) -> Session:
    return make_session(ada).session


@pytest.fixture(autouse=True)
def idle(session) -> None:
    """An idle connection, without which SQLAlchemy makes one."""
    end_read()


def device_of(session: Session) -> str:
    end_read()
    return db.session.scalar(select(Session.device).where(Session.id == session.id))


def test_it_is_given_back_committed_and_without_a_transaction(session):
    with transaction():
        find_one(_LOCKED, {"session_id": session.id})
        used = connection_to_read()
        change_at_commit(_NAME, session_id=session.id)

    assert isinstance(used, Begun)
    assert used.driver.autocommit
    assert used.driver.pgconn.transaction_status == TransactionStatus.IDLE
    assert db.engine.pool.checkedout() == 0
    assert device_of(session) == "named"


def test_sqlalchemys_own_goes_on_in_the_same_transaction(session):
    with transaction():
        find_one(_LOCKED, {"session_id": session.id})
        before = find_one(_NUMBER, {})
        after = connection().scalar(_NUMBER), db.session.scalar(_NUMBER)
        db.session.execute(_NAME, {"session_id": session.id})

    assert before == [after[0]] == [after[1]] != [None]
    assert device_of(session) == "named"
    assert db.engine.pool.checkedout() == 1


@pytest.mark.parametrize("asks", [False, True])
def test_an_error_undoes_it_and_gives_the_connection_back(session, asks):
    used = []

    def fail() -> None:
        with transaction():
            find_one(_LOCKED, {"session_id": session.id})
            used.append(connection_to_read().driver)
            if asks:
                connection().execute(_NAME, {"session_id": session.id})
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert used[0].autocommit
    assert used[0].pgconn.transaction_status == TransactionStatus.IDLE
    assert db.engine.pool.checkedout() == 0
    assert device_of(session) == "Firefox on Linux"


def test_what_the_commit_refuses_is_sqlalchemys_error(session):
    def move_to_no_account() -> None:
        with transaction():
            find_one(_LOCKED, {"session_id": session.id})
            change_at_commit(_MOVE, session_id=session.id, other_account=new_id())

    with pytest.raises(IntegrityError):
        move_to_no_account()
    assert db.engine.pool.checkedout() == 0


def test_a_connection_that_was_lost_is_replaced(session):
    def lose() -> None:
        with transaction():
            find_one(_LOCKED, {"session_id": session.id})
            connection_to_read().driver.close()
            find_one(_LOCKED, {"session_id": session.id})

    with pytest.raises(OperationalError):
        lose()
    assert db.engine.pool.checkedout() == 0
    with transaction():
        assert find_one(_LOCKED, {"session_id": session.id}) == ["Firefox on Linux"]
