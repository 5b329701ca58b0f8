"""Ada, red, and keys that sign."""

import pytest

from tests.factories import make_account


@pytest.fixture(autouse=True)
def keys(signing_keys):
    """There are keys that sign."""


@pytest.fixture
def ada(app):
    return make_account("ada")
