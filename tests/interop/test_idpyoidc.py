"""idpyoidc of Identity Python, by its recipe: a sign-in, and a Logout Token that it understands."""

import pytest

from tests.interop.conftest import HERE
from tests.interop.foreign import play


@pytest.fixture
def python() -> str:
    path = HERE / "python" / ".venv" / "bin" / "python"
    if not path.exists():
        pytest.skip("idpyoidc is not installed: `make interop` gets it")
    return str(path)


@pytest.mark.spec("discovery 1, core §3.1.3.7, core 24, rpinitiated 7, backchannel RP 11")
def test_it_signs_ada_in_and_its_session_ends_by_the_back_channel(site, add_for, landing, ada, python):
    url = f"{landing.url}/idpy"
    client = add_for("idpyoidc", url)
    recipe = client.files["configuration.py"]
    facts = {"issuer": site.issuer, "url": url, "secret": client.secret, "recipe": recipe}

    seen = play([python, HERE / "python" / "sign_in.py"], facts, ada.go, landing)

    assert seen["email"] == "ada@example.test"
    assert seen["refreshed"]
    assert seen["left"].startswith(f"{url}/signed-out")
    assert seen["ended"]
