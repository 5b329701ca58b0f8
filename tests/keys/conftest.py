"""A provider whose secret key is replaced."""

import pytest

from provider.infrastructure import current, data_keys
from provider.infrastructure.database import transaction
from tests.keys.fleet import Fleet


@pytest.fixture
def fleet(app, settings, signing_keys, tmp_path):
    with transaction():
        data_keys.establish(current.data_keys())
    # What runs already has read the data keys.
    current.data_keys().box()
    return Fleet(app, settings, tmp_path / "new.key")
