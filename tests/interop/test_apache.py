"""Apache with mod_auth_openidc of Debian, configured by its recipe: sign-in, sign-out, a Logout Token."""

import tempfile
from pathlib import Path

import pytest

from tests.interop.apache import apache, find_apache
from tests.support.demo import free_run
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def wiki(site, add_for):
    if find_apache() is None:
        pytest.skip(
            "Apache's module is not installed: apt install apache2-bin libapache2-mod-auth-openidc gets it"
        )
    port = free_run(1)
    url = f"http://127.0.0.1:{port}"
    client = add_for("apache", url)
    # Not pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with apache(Path(folder), port, client.files["curfew.conf"], client.secret):
            yield url


def shows(ada, wiki: str) -> bool:
    """Return whether Apache shows Ada its page, and not the provider its sign-in."""
    return "For Ada" in ada.browser.ask("GET", f"{wiki}/private.html").text


@pytest.mark.spec("core §3.1.3.7, discovery 1")
def test_it_shows_its_page_to_who_signed_in(ada, wiki):
    assert not shows(ada, wiki)

    assert ada.go(f"{wiki}/private.html") == f"{wiki}/private.html"

    assert shows(ada, wiki)


@pytest.mark.spec("rpinitiated 6, rpinitiated 11, rpinitiated 7")
def test_it_signs_ada_out(ada, wiki, site):
    ada.go(f"{wiki}/private.html")

    left = ada.go(f"{wiki}/callback?logout={wiki}/signed-out.html")

    assert left.startswith(f"{wiki}/signed-out.html")
    assert not shows(ada, wiki)
    ada.browser.open(f"{wiki}/private.html")
    assert ada.browser.url.startswith(site.issuer)
    assert ada.browser.has("sign-in")


@pytest.mark.spec("backchannel OP 8", "backchannel RP 11", "backchannel OP 10", "backchannel §2.8")
def test_it_ends_its_session_when_it_is_notified(ada, wiki, site):
    ada.go(f"{wiki}/private.html")
    assert shows(ada, wiki)

    ada.go(f"{site.issuer}/session/end")

    wait_until(lambda: not shows(ada, wiki))
