"""The data keys as a process reads them."""

from provider.infrastructure import current, data_keys
from provider.infrastructure.database import db, transaction


def test_they_are_read_without_a_session(app):
    """Every process reads them for the first value that it opens, whatever it was asked for."""
    keys = current.services().data_keys
    with transaction():
        assert data_keys.establish(keys)
    db.session.remove()

    box = keys.look_now()

    assert (box.key, box.generation) == (keys.root.key, 0)
    assert not db.has_session()
