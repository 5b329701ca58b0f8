"""Ada, red, and keys that sign."""

import pytest


@pytest.fixture(autouse=True)
def keys(signing_keys):
    """There are keys that sign."""
