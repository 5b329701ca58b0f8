"""The keys that seal what is stored: data keys, which the key-encryption key opens.

Each rotation of the key-encryption key makes another data key, so that no earlier key opens anything sealed
from then on. While one key-encryption key replaces another, both open all data keys: processes may be
restarted with the new one in any order.

A database that an earlier release made has no row: there the key-encryption key is the data key itself, and
nothing is written that the earlier release could not read. `curfew keys rekey` ends this state once no
process of that release is left.
"""

import secrets as chance
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from sqlalchemy import LargeBinary, String, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure import clock, event_log
from provider.infrastructure.database import (
    Base,
    UTCDateTime,
    after_commit,
    change,
    db,
    is_sqlite,
    reading,
)
from provider.infrastructure.read_only_rows import ReadOnly, list_rows
from provider.infrastructure.secrets import SecretBox

_LABEL = "data-key"
_KEY_BYTES = 32
# Values made by an unknown key cause at most one look into the database per interval, however many are sent.
LOOK_AGAIN_AFTER = timedelta(seconds=5)
_ADVISORY_LOCK = 0x64617461


class DataKey(Base):
    """A data key as one key-encryption key has sealed it."""

    __tablename__ = "data_key"

    # 0 is the key-encryption key that was in use before the first rotation.
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # The name of the key-encryption key, which follows from it and does not reveal it.
    sealed_by: Mapped[str] = mapped_column(String(32), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Since when its key-encryption key is being replaced by another.
    replaced_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


_ROW = ReadOnly(DataKey, "generation", "sealed_by", "sealed", "replaced_at")
_ALL = select(*_ROW.columns).order_by(DataKey.generation)


class WrongSecretKey(Exception):
    """The configured key-encryption key does not open the data keys of this database."""

    def __init__(self) -> None:
        super().__init__("the secret key that is set does not open the data keys of this database")


class RotationRefused(Exception):
    """The key-encryption key cannot be replaced now; the sentence says why."""


class DataKeys:
    """The data keys of one application, read once and shared by its threads."""

    def __init__(self, root: SecretBox) -> None:
        self.root = root
        self._box: SecretBox | None = None
        self._has_rows = self._is_shared = False
        self._looked_at: datetime | None = None

    def box(self, *, at_least: int = 0) -> SecretBox:
        """Return the data keys that this process knows, up to this generation. Raises WrongSecretKey."""
        box = self._box or self._look()
        if box.generation < at_least:
            # Another process has rotated them.
            box = self._look()
            if box.generation < at_least:
                raise WrongSecretKey
        return box

    def are_established(self) -> bool:
        """Return whether no process of a release that knows no data keys can be at work."""
        self.box()
        return self._has_rows

    def are_shared(self) -> bool:
        """Return whether a second key-encryption key also opens them, because a rotation is in progress."""
        self.look_now()
        return self._is_shared

    def look_again(self) -> SecretBox:
        """Return the data keys from the database, which is read at most once every few seconds.

        For values that were sealed or signed by a key that this process may not know yet.
        """
        box, at = self._box, self._looked_at
        if box is not None and at is not None and abs(clock.now() - at) < LOOK_AGAIN_AFTER:
            return box
        return self._look()

    def look_now(self) -> SecretBox:
        """Return the data keys as the database has them at this moment."""
        return self._look()

    def forget(self) -> None:
        """Read the data keys again at their next use, because this process has changed them."""
        self._box = None

    def _look(self) -> SecretBox:
        with reading():
            rows = _read()
        self._looked_at = clock.now()
        try:
            box = _open(rows, self.root)
        except WrongSecretKey:
            if self._box is None:
                raise
            # The key was replaced since this process started; the data keys that it has opened remain valid.
            event_log.error("secret_key_replaced", detail="restart this process with the new secret key")
            return self._box
        self._box, self._has_rows = box, bool(rows)
        self._is_shared = any(row.sealed_by != self.root.name for row in rows)
        return box


def establish(keys: DataKeys) -> bool:
    """Note that the key-encryption key is the first data key; False if there are data keys already.

    The caller has a transaction open.
    """
    _stand_in_line()
    if _read():
        return False
    _add(0, keys.root, keys.root)
    _done(keys)
    return True


def begin_rotation(keys: DataKeys, successor: SecretBox) -> bool:
    """Have a successor open all data keys too, and make the next one; False if that was done before.

    The caller has a transaction open. Raises RotationRefused.
    """
    _stand_in_line()
    rows, own = _read(), keys.root.name
    others = {row.sealed_by for row in rows} - {own}
    if successor.name == own:
        raise RotationRefused("the new secret key is the one that is set already")
    if successor.name in others:
        return False
    if others:
        raise RotationRefused("another rotation is in progress: finish it with `curfew keys rekey --finish`")
    box = _open(rows, keys.root)
    if not rows:
        _add(0, box, keys.root)
    box = SecretBox(chance.token_bytes(_KEY_BYTES), (box.key, *box.former))
    _add(box.generation, box, keys.root)
    for generation in range(box.generation + 1):
        _add(generation, box, successor)
    db.session.flush()
    change(update(DataKey).where(DataKey.sealed_by == own).values(replaced_at=clock.now()))
    _done(keys)
    return True


def finish_rotation(keys: DataKeys) -> int:
    """Let the key-encryption key that is set be the only one; returns how many data keys others had sealed.

    The caller has a transaction open. Raises RotationRefused for a key that is itself being replaced.
    """
    _stand_in_line()
    own = keys.root.name
    if any(row.sealed_by == own and row.replaced_at is not None for row in _read()):
        raise RotationRefused("the secret key that is set is the one being replaced: set the new one first")
    return change(delete(DataKey).where(DataKey.sealed_by != own))


def _read() -> list[DataKey]:
    return [_ROW.take(iter(row)) for row in list_rows(_ALL, {})]


def _open(rows: Sequence[DataKey], root: SecretBox) -> SecretBox:
    if not rows:
        return root
    own = [row for row in rows if row.sealed_by == root.name]
    try:
        opened = [root.decrypt(_LABEL, row.sealed, bound_to=str(row.generation)) for row in own]
    except InvalidTag:
        raise WrongSecretKey from None
    if len(own) != rows[-1].generation + 1:
        raise WrongSecretKey
    return SecretBox(opened[-1], tuple(reversed(opened[:-1])))


def _add(generation: int, box: SecretBox, by: SecretBox) -> None:
    key = (box.key, *box.former)[box.generation - generation]
    sealed = by.encrypt(_LABEL, key, bound_to=str(generation))
    db.session.add(DataKey(generation=generation, sealed_by=by.name, sealed=sealed, created_at=clock.now()))


def _done(keys: DataKeys) -> None:
    db.session.flush()
    after_commit(keys.forget)


def _stand_in_line() -> None:
    """Wait for any other process that rotates keys; on SQLite the write transaction is such a lock."""
    if not is_sqlite():
        db.session.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
