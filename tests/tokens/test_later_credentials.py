"""A service token is good as long as the credentials that it was issued for, also if others came before."""

import pytest

from provider.infrastructure.database import transaction
from provider.tokens import access
from provider.tokens.liveness import find_access_token
from provider.tokens.service import count_valid
from tests.factories import make_client


@pytest.mark.parametrize("later", [0, 1], ids=["as they were", "withdrawn since"])
def test_it_ends_with_its_own_credentials_alone(app, later):
    client = make_client("api")
    with transaction():
        client.credentials_epoch = 2
    with transaction():
        handle, _ = access.issue_for_client(client, scope="jobs")
    with transaction():
        client.credentials_epoch += later

    assert (find_access_token(handle) is None, count_valid(client)) == (bool(later), 1 - later)
