"""A sector identifier document is read when a client is registered, and must know its redirect URIs."""

import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

RED, BLUE = "https://red.test/cb", "https://blue.test/cb"
PEM = serialization.Encoding.PEM


@pytest.fixture
def database_url(own_sqlite):
    """Nothing here depends on the kind of database."""
    return own_sqlite


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost that is its own authority, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(PEM) + secret)
    return path


@pytest.fixture
def sector(certificate):
    """An https server for the document; returns the URL, and the response that it gives may be changed."""
    response = {"status": 200, "body": json.dumps([RED, BLUE])}

    class Document(BaseHTTPRequestHandler):
        def do_GET(self):
            body = response["body"].encode()
            self.send_response(response["status"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Document)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}/sector.json", response
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.spec("registration 2")
@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        pytest.param(200, json.dumps([RED, BLUE]), None, id="both listed"),
        pytest.param(200, json.dumps([RED]), f"does not list {BLUE}", id="one is missing"),
        pytest.param(200, json.dumps({RED: BLUE}), "JSON array", id="no array"),
        pytest.param(200, "sorry", "JSON", id="no JSON"),
        pytest.param(404, json.dumps([RED, BLUE]), "JSON array", id="not found"),
    ],
)
def test_a_sector_must_list_every_redirect_uri(curfew, sector, certificate, status, body, problem):
    url, response = sector
    response |= {"status": status, "body": body}

    result = curfew(
        "client", "add", "--redirect-uri", RED, "--redirect-uri", BLUE, "--subject-type", "pairwise",
        "--sector-identifier-uri", url, code=1 if problem else 0, CURFEW_OUTBOUND_CA_BUNDLE=str(certificate),
    )  # fmt: skip

    assert (problem or "") in result.err
