"""A person lets a device in and signs it out again; the device is a program that knows HTTP alone."""

import io
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from werkzeug.serving import make_server

from curfew_rp import ProviderKeys
from provider.protocol.grant_types import DEVICE_CODE
from relying_party_demo.device import Device, NotSignedIn
from tests.factories import make_account, make_client, make_session
from tests.support.browsers import Page, show_session
from tests.support.reads import end_read

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(settings):
    with socket.create_server(("127.0.0.1", 0)) as free:
        return replace(settings, issuer=f"http://localhost:{free.getsockname()[1]}")


@pytest.fixture
def served(app, settings, signing_keys) -> Iterator[str]:
    """The issuer of a provider that really listens."""
    server = make_server("127.0.0.1", int(settings.issuer.rpartition(":")[2]), app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield settings.issuer
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ada(http):
    """Ada's browser."""
    return show_session(http, make_session(make_account("ada")))


class Story(Device):
    """A device whose waiting is the person's turn."""

    def __init__(self, issuer: str, *turns: Callable[["Story"], object]) -> None:
        super().__init__(provider=ProviderKeys(issuer), client_id="tv", screen=io.StringIO())
        self.turns, self.wait = list(turns), self.take_turn
        self.waited: list[float] = []

    def take_turn(self, seconds: float) -> None:
        self.waited.append(seconds)
        end_read()
        self.turns.pop(0)(self)

    @property
    def shown(self) -> list[str]:
        return self.screen.getvalue().splitlines()

    @property
    def code(self) -> str:
        return self.shown[0].rpartition(" ")[2]


@pytest.fixture
def answers(ada):
    """Makes the person's turn of answering on the pages."""

    def make(button: str) -> Callable[[Story], object]:
        def act(device: Story) -> None:
            page = Page(ada, ada.get("/device"))
            Page(ada, page.press("continue", user_code=device.code)).press(button)

        return act

    return make


@pytest.fixture(autouse=True)
def television(app):
    make_client(
        "tv",
        application_type="native",
        redirect_uris=[],
        grant_types=[DEVICE_CODE, "refresh_token"],
        token_endpoint_auth_method="none",
    )


def signs_it_out(ada) -> Callable[[Story], object]:
    def act(_device: Story) -> None:
        page = Page(ada, ada.get("/account"))
        (button,) = (name for name in page.buttons if name.startswith("sign-out-session-"))
        page.press(button)

    return act


@pytest.mark.spec("rfc8628 1")
def test_a_device_is_let_in_and_signed_out_from_the_account_page(served, ada, answers):
    device = Story(served, answers("allow"), lambda _: None, signs_it_out(ada))

    device.sign_in()
    device.greet()
    device.stay()

    assert device.shown == [
        f"Open {served}/device in a browser and enter the code {device.code}",
        "Signed in as Ada. Ctrl-C signs out.",
    ]
    assert device.waited == [5, 5, 5]


def test_a_device_signs_itself_out(served, ada, answers):
    device = Story(served, answers("allow"))
    device.sign_in()

    device.sign_out()

    device.stay()
    assert "device, signed in with a code" not in ada.get("/account").text


def test_a_person_who_did_not_begin_this_keeps_it_out(served, answers):
    with pytest.raises(NotSignedIn, match="the person denied the request"):
        Story(served, answers("deny")).sign_in()
