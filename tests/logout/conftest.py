"""Apps that are notified, and one that cannot be."""

import pytest

from provider.clients.models import Client
from tests.factories import make_client


@pytest.fixture
def clients(app) -> list[Client]:
    """Red and green, and mute, which has no address for Logout Tokens."""
    return [make_client("red"), make_client("green"), make_client("mute", backchannel_logout_uri=None)]
