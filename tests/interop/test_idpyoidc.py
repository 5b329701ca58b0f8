"""idpyoidc of the Identity Python project: a sign-in, and a Logout Token that it understands."""

import pytest

from tests.interop.conftest import HERE
from tests.interop.foreign import play


@pytest.fixture
def python() -> str:
    path = HERE / "python" / ".venv" / "bin" / "python"
    if not path.exists():
        pytest.skip("idpyoidc is not installed: `make interop` gets it")
    return str(path)


@pytest.mark.spec("discovery §4.3, core §3.1.3.7, core §12.2, rpinitiated §3, backchannel §2.6")
def test_it_signs_ada_in_and_its_session_ends_by_the_back_channel(house, register, landing, ada, python):
    told = {"issuer": house.issuer, "url": landing.url} | register(
        client_name="An app of identity people",
        redirect_uris=[f"{landing.url}/idpy/callback"],
        post_logout_redirect_uris=[f"{landing.url}/idpy/signed-out"],
        backchannel_logout_uri=f"{landing.url}/idpy/backchannel-logout",
        grant_types=["authorization_code", "refresh_token"],
        scope="openid email offline_access",
    )

    seen = play([python, HERE / "python" / "sign_in.py"], told, ada.go, landing)

    assert seen["email"] == "ada@example.test"
    assert seen["refreshed"]
    assert seen["left"].startswith(f"{landing.url}/idpy/signed-out")
    assert seen["ended"]
