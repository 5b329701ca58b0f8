"""The row of each refresh token that is issued, and of its successor: every column."""

import pytest

from provider.infrastructure import clock, current
from provider.infrastructure.database import transaction
from provider.infrastructure.opaque_tokens import digest_of, new_id
from provider.tokens import refresh
from provider.tokens.id_token import SignIn
from provider.tokens.liveness import find_refresh_token
from provider.tokens.models import RefreshToken
from tests.tokens.test_issued_rows import BOUND, HOUR, row_of


@pytest.fixture(autouse=True)
def standing_clock(app, turned_clock):
    return turned_clock


def test_a_refresh_token_and_its_successor(of, made, red, turned_clock):
    family = new_id()
    about = SignIn(auth_time=clock.now() - HOUR, amr="otp", acr="another-acr")
    with transaction():
        made.grants["red"].provider_epoch, made.grants["red"].client_epoch = 0, 7
        handle = refresh.issue(
            *of,
            scope="openid offline_access",
            family_id=family,
            offline=True,
            sign_in=about,
            resources=("https://a.test",),
            cnf=BOUND,
            claims={"userinfo": ["email"]},
        )
    issued_at = clock.now()
    turned_clock.turn(HOUR)
    with transaction():
        rotated = refresh.rotate(find_refresh_token(handle), handle)

    idle, now = current.settings().refresh_token_idle_lifetime, clock.now()
    first, second = (row_of(RefreshToken, digest_of(one)) for one in (handle, rotated.handle))
    kept = {
        "family_id": family,
        "client_id": red.id,
        "grant_id": made.grants["red"].id,
        "client_session_id": made.client_sessions["red"].id,
        "scope": "openid offline_access",
        "offline": True,
        "auth_time": issued_at - HOUR,
        "amr": "otp",
        "acr": "another-acr",
        "resources": ["https://a.test"],
        "cnf": BOUND,
        "claims": {"userinfo": ["email"]},
        "revoked_at": None,
    }
    assert first == kept | {
        "id": first["id"],
        "digest": digest_of(handle),
        "generation": 0,
        "created_at": issued_at,
        "expires_at": issued_at + idle,
        "rotated_at": now,
    }
    assert second == kept | {
        "id": second["id"],
        "digest": digest_of(rotated.handle),
        "generation": 1,
        "created_at": now,
        "expires_at": now + idle,
        "rotated_at": None,
    }
    assert first["id"] != second["id"]
