"""A sector's document is read with care before a client is registered (registration §5, URL-57)."""

import json
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from provider.clients.addresses import check_addresses
from provider.protocol.client_metadata import ClientMetadata, InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from tests.support.authority import Authority
from tests.support.registering import Registrant

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
RED, BLUE = "https://red.test/cb", "https://blue.test/cb"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def settings(settings, authority):
    return replace(settings, outbound_ca_bundle=authority.bundle, registration="open")


@pytest.fixture
def answering(authority):
    @contextmanager
    def serve(status, body, **headers):
        """An https server with one response; gives the address and who asked."""
        asked = []

        class Document(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Document)
        server.socket = authority.server_context("localhost").wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}/sector.json", asked
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return serve


def metadata(uri: str) -> ClientMetadata:
    return read_registration(
        {"redirect_uris": [RED, BLUE], "subject_type": "pairwise", "sector_identifier_uri": uri}
    )


@pytest.mark.parametrize(
    ("status", "body", "headers", "problem"),
    [
        pytest.param(200, json.dumps([RED, BLUE, 7]).encode(), {}, None, id="all are listed"),
        pytest.param(200, json.dumps([RED]).encode(), {}, f"does not list {BLUE}", id="one is missing"),
        pytest.param(
            200, json.dumps([RED, BLUE.upper()]).encode(), {}, f"does not list {BLUE}", id="in capitals"
        ),
        pytest.param(302, b"", {"Location": "https://evil.test/"}, "JSON array", id="URL-57: a redirect"),
        pytest.param(200, b"[" + b" " * 70_000 + b"]", {}, "too large", id="URL-57: a large one"),
        pytest.param(200, b"[" * 60_000, {}, "JSON", id="a deep one"),
        pytest.param(200, b"\xff\xfe\xfd", {}, "JSON", id="no text"),
        pytest.param(200, json.dumps({RED: BLUE}).encode(), {}, "JSON array", id="an object"),
        pytest.param(500, json.dumps([RED, BLUE]).encode(), {}, "JSON array", id="out of order"),
    ],
)
def test_a_sector_lists_every_redirect_uri(app, answering, status, body, headers, problem):
    with answering(status, body, **headers) as (uri, asked):
        if problem is None:
            check_addresses(metadata(uri))
        else:
            with pytest.raises(InvalidClientMetadata, match=problem):
                check_addresses(metadata(uri))

    assert asked == ["/sector.json"]


def test_a_registrant_registers_by_a_sector_that_knows_him(app, answering):
    registrant = Registrant(app.test_client())
    asked = {"subject_type": "pairwise", "redirect_uris": [RED, BLUE]}
    with answering(200, json.dumps([RED, BLUE]).encode()) as (uri, _):
        assert registrant.register(sector_identifier_uri=uri, **asked).status_code == 201
    with answering(200, b"[]") as (uri, _):
        refused = registrant.register(sector_identifier_uri=uri, **asked)

    assert (refused.status_code, refused.json["error"]) == (400, "invalid_client_metadata")
    assert registrant.register(**asked).status_code == 400


def test_nothing_is_fetched_for_what_is_wrong_anyway(app, answering):
    registrant = Registrant(app.test_client())
    with answering(200, b"[]") as (uri, asked):
        refused = registrant.register(sector_identifier_uri=uri, scope="openid account")

    assert refused.status_code == 400
    assert asked == []
