"""TLS: the name is verified while the checked address is dialled, and only the operator's roots count."""

import io
import ssl
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from provider.infrastructure.outbound import tls
from provider.infrastructure.outbound_http import OutboundClient, OutboundFailure
from tests.infrastructure.outbound_servers import OK, Server, always, answering, once, policy
from tests.infrastructure.outbound_tickets import flood_with_tickets
from tests.support.authority import DAY, Authority

# Without a deadline the drip takes minutes, and the flood as long as the test.
LATEST = 20

# The bits of OpenSSL 3, which older Pythons and OpenSSLs have no name for.
IGNORE_UNEXPECTED_EOF, LEGACY_SERVER_CONNECT = 0x80, 0x4


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def client(authority):
    client = OutboundClient(policy(ca_bundle=authority.bundle), resolve=always("127.0.0.1"))
    yield client
    client.close()


def kind_of_failure(client, url) -> str:
    return failure_of(client, url).kind


def failure_of(client, url) -> OutboundFailure:
    with pytest.raises(OutboundFailure) as failure:
        client.post_form(url, {})
    return failure.value


@pytest.mark.parametrize("host", ["red.test", "127.0.0.1"])
def test_the_operators_bundle_is_trusted_and_connections_are_used_again(authority, client, host):
    names: list[str | None] = []
    context = authority.server_context("red.test")
    context.sni_callback = lambda _sock, server_name, _context: names.append(server_name)
    with Server(answering(OK), tls=context) as red:
        for _ in range(3):
            assert client.post_form(red.url(host=host, scheme="https"), {"logout_token": "t"}).status == 200

        assert red.connections == 1
        client.close()
    # rfc6066 §3: a literal address is never sent as a server name.
    assert names == ["red.test" if host == "red.test" else None]


def test_a_form_and_a_response_of_many_records_arrive_whole(authority, client):
    body = bytes(range(256)) * 800
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with Server(answering(OK, response), tls=authority.server_context("red.test")) as red:
        url = red.url(host="red.test", scheme="https")
        client.post_form(url, {"x": "y" * 300_000})

        assert client.get(url, max_body_bytes=len(body)).body == body
        assert red.connections == 1
        client.close()
    assert red.requests[0].endswith(b"\r\n\r\nx=" + b"y" * 300_000)


@pytest.mark.spec("URL-53")
def test_a_certificate_for_another_name_is_refused(authority, client):
    with Server(answering(OK), tls=authority.server_context("green.test")) as green:
        failure = failure_of(client, green.url(host="red.test", scheme="https"))

    assert failure.kind == "tls"
    assert "Hostname mismatch" in failure.detail


@pytest.mark.spec("URL-53")
def test_a_self_signed_certificate_is_refused(authority, client):
    with Server(answering(OK), tls=authority.server_context("red.test", self_signed=True)) as red:
        failure = failure_of(client, red.url(host="red.test", scheme="https"))

    assert failure.kind == "tls"
    assert "self-signed" in failure.detail


@pytest.mark.spec("URL-53")
def test_an_expired_certificate_is_refused(authority, client):
    with Server(answering(OK), tls=authority.server_context("red.test", life=-DAY)) as red:
        failure = failure_of(client, red.url(host="red.test", scheme="https"))

    assert failure.kind == "tls"
    assert "expired" in failure.detail


@pytest.mark.spec("URL-53")
def test_an_old_version_of_tls_is_refused(authority, client):
    context = authority.server_context("red.test")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with Server(answering(OK), tls=context) as red:
        failure = failure_of(client, red.url(host="red.test", scheme="https"))

    assert failure.kind == "tls"
    assert "VERSION" in failure.detail


@pytest.mark.spec("URL-53")
def test_a_demand_for_a_client_certificate_is_a_tls_failure(authority, client):
    context = authority.server_context("red.test")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.bundle)
    with Server(answering(OK), tls=context) as red:
        failure = failure_of(client, red.url(host="red.test", scheme="https"))

    assert failure.kind == "tls"
    assert "certificate required" in failure.detail


@pytest.mark.spec("URL-51")
def test_a_bundle_of_the_environment_is_not_trusted(authority, monkeypatch):
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, str(authority.bundle))
    client = OutboundClient(policy(), resolve=always("127.0.0.1"))
    with Server(answering(OK), tls=authority.server_context("red.test")) as red:
        failure = failure_of(client, red.url(host="red.test", scheme="https"))

    assert failure.kind == "tls"
    assert "unable to get local issuer" in failure.detail


@pytest.mark.spec("FLT-24")
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda wire: wire.sock.recv(10) and wire.reset(), id="reset in the handshake"),
        pytest.param(lambda wire: wire.sock.recv(10) and None, id="close in the handshake"),
        pytest.param(lambda wire: wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), id="plain http"),
    ],
)
def test_a_handshake_that_breaks_is_a_tls_failure(client, act):
    with Server(act) as red:
        assert kind_of_failure(client, red.url(host="red.test", scheme="https")) == "tls"


@pytest.mark.spec("URL-52")
def test_a_response_that_waits_in_a_tls_record_is_not_taken_for_the_next_one(authority, client):
    # The first response fills the reader's buffer; the second is decrypted with it and waits behind it.
    start, end = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nX: ", b"\r\n\r\n"
    first = start + b"a" * (io.DEFAULT_BUFFER_SIZE - len(start) - len(end)) + end
    record = first + b"HTTP/1.1 204 Smuggled\r\n\r\n"

    def script(wire):
        wire.read_request()
        wire.send(record if wire.number == 1 else OK)
        wire.read_request()

    with Server(script, tls=authority.server_context("red.test")) as red:
        url = red.url(host="red.test", scheme="https")

        assert [client.post_form(url, {}).status for _ in range(2)] == [500, 200]
        assert red.connections == 2
        client.close()


@pytest.mark.spec("URL-53")
def test_a_dripping_handshake_ends_with_the_deadline(authority):
    deadline = timedelta(seconds=0.5)
    client = OutboundClient(
        policy(ca_bundle=authority.bundle, total_deadline=deadline), resolve=always("127.0.0.1")
    )
    # The header of a handshake record of 16 kB, of which a byte comes now and then.
    started = time.monotonic()
    with Server(lambda wire: wire.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 2000)) as red:
        assert kind_of_failure(client, red.url(host="red.test", scheme="https")) == "timeout"
    assert time.monotonic() - started < LATEST


@pytest.mark.spec("FLT-20")
def test_a_flood_of_session_tickets_ends_with_the_deadline(authority, tmp_path):
    # OpenSSL eats them one after the other and never comes back to ask what time it is.
    deadline = timedelta(seconds=0.5)
    client = OutboundClient(
        policy(ca_bundle=authority.bundle, total_deadline=deadline), resolve=always("127.0.0.1")
    )
    context = authority.server_context("red.test")
    context.num_tickets = 0
    context.keylog_filename = str(tmp_path / "keys")
    started = time.monotonic()
    with Server(once(lambda wire: flood_with_tickets(wire, tmp_path / "keys")), tls=context) as red:
        assert kind_of_failure(client, red.url(host="red.test", scheme="https")) == "timeout"
        assert time.monotonic() - started < LATEST


@pytest.mark.spec("URL-53")
def test_a_cut_between_the_records_ends_no_document(authority, client):
    """Without a length and without close_notify, anybody on the way could choose where a document ends."""
    cut = b"HTTP/1.1 200 OK\r\n\r\n[1,2"
    with Server(once(lambda wire: wire.send(cut)), tls=authority.server_context("red.test")) as red:
        url = red.url(host="red.test", scheme="https")
        with pytest.raises(OutboundFailure) as failure:
            client.get(url)

        assert failure.value.kind == "reset"
        assert client.post_form(url, {}).status == 200


def test_a_document_may_end_with_the_tls_connection(authority, client):
    def act(wire):
        wire.send(b"HTTP/1.1 200 OK\r\n\r\n[1,2]")
        wire.sock.unwrap()

    with Server(once(act), tls=authority.server_context("red.test")) as red:
        assert client.get(red.url(host="red.test", scheme="https")).body == b"[1,2]"


@pytest.mark.spec("FLT-20")
def test_a_cut_in_the_headers_is_no_response_under_tls_either(authority, client):
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
    with Server(once(lambda wire: wire.send(cut)), tls=authority.server_context("red.test")) as red:
        assert kind_of_failure(client, red.url(host="red.test", scheme="https")) == "reset"


class OtherDefaults(ssl.SSLContext):
    """A context as another build of Python might make it: all that the door relies on is different."""

    def __new__(cls, *args):
        context = super().__new__(cls, *args)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.hostname_checks_common_name = True
        context.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.options |= IGNORE_UNEXPECTED_EOF | LEGACY_SERVER_CONNECT
        context.options &= ~(ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.post_handshake_auth = True
        return context


@pytest.mark.parametrize("kind", [ssl.SSLContext, OtherDefaults])
def test_the_door_sets_all_that_it_relies_on(authority, monkeypatch, kind):
    monkeypatch.setattr(tls, "ssl", SimpleNamespace(**vars(ssl) | {"SSLContext": kind}))

    context = tls.trust.__wrapped__(authority.bundle)

    assert isinstance(context, kind)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.hostname_checks_common_name
    assert context.verify_flags == ssl.VERIFY_X509_TRUSTED_FIRST
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.maximum_version == ssl.TLSVersion.MAXIMUM_SUPPORTED
    assert not context.options & (IGNORE_UNEXPECTED_EOF | LEGACY_SERVER_CONNECT)
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.security_level == 2
    assert all(
        "NULL" not in cipher["name"] and cipher["strength_bits"] >= 128 for cipher in context.get_ciphers()
    )
    assert not context.post_handshake_auth


@pytest.mark.spec("FLT-49")
def test_a_bundle_that_is_missing_is_our_own_error_at_the_start(tmp_path):
    with pytest.raises(FileNotFoundError):
        OutboundClient(policy(ca_bundle=tmp_path / "missing.pem"))
