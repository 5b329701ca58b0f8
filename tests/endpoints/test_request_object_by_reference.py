"""Request objects by reference: the address that a client registered, fetched by the provider."""

from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from tests.endpoints.test_request_object import FORGED, JWKS, claims_of, signed
from tests.support.authority import Authority
from tests.support.browsers import query_of
from tests.support.relying_party import RelyingParty, type_password

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def rp(app):
    return RelyingParty(app, jwks=JWKS)


class ObjectServer(BaseHTTPRequestHandler):
    """Holds one request object and counts who asks."""

    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


class TestByReference:
    @pytest.fixture
    def settings(self, settings, authority):
        return replace(settings, outbound_ca_bundle=authority.bundle)

    @pytest.fixture
    def place(self, authority):
        ObjectServer.status, ObjectServer.asked = 200, []
        server = ThreadingHTTPServer(("127.0.0.1", 0), ObjectServer)
        context = authority.server_context("red.test")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}/request"
        server.shutdown()
        thread.join()
        server.server_close()

    @pytest.fixture
    def rp(self, app, place):
        rp = RelyingParty(app, jwks=JWKS, request_uris=[place + "#first"])
        ObjectServer.body = signed(claims_of(rp)).encode()
        return rp

    def ask(self, browser, rp, request_uri):
        return rp.authorize(browser, request_uri=request_uri, state="outside")

    @pytest.mark.spec("core 18")
    def test_a_registered_address_is_asked_whatever_its_fragment(self, signed_in, rp, place):
        for fragment in ("", "#first", "#second"):
            assert query_of(self.ask(signed_in, rp, place + fragment))["state"] == "the state"

        assert ObjectServer.asked == ["/request"] * 3

    @pytest.mark.spec("ABU-13")
    def test_no_other_address_is_ever_asked(self, signed_in, rp, place):
        for other in (
            place + "?x=1",
            place + "/",
            place.upper(),
            place[:-1],
            "https://169.254.169.254/",
            "x",
        ):
            assert query_of(self.ask(signed_in, rp, other))["error"] == "invalid_request_uri", other
        assert query_of(self.ask(signed_in, rp, place + "#" + "x" * 512))["error"] == "invalid_request_uri"

        assert ObjectServer.asked == []

    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            pytest.param(404, b"gone", "invalid_request_uri", id="nothing there"),
            pytest.param(302, b"", "invalid_request_uri", id="a redirect is not followed"),
            pytest.param(200, b"x" * 20_000, "invalid_request_uri", id="too much"),
            pytest.param(200, b"\xff\xfe", "invalid_request_object", id="no text"),
            pytest.param(200, b"", "invalid_request_object", id="nothing in it"),
        ],
    )
    def test_what_is_found_there_may_be_useless(self, signed_in, rp, place, status, body, error):
        ObjectServer.status, ObjectServer.body = status, body

        assert query_of(self.ask(signed_in, rp, place))["error"] == error

    def test_what_is_found_there_is_verified(self, signed_in, rp, place):
        ObjectServer.body = FORGED["alg none"](rp).encode()

        params = query_of(self.ask(signed_in, rp, place))

        assert (params["error"], params["state"]) == ("invalid_request_object", "outside")

    @pytest.mark.usefixtures("ada")
    def test_it_is_not_asked_again_after_the_sign_in(self, http, rp, place):
        assert "code" in query_of(type_password(http, self.ask(http, rp, place)))

        assert len(ObjectServer.asked) == 1
