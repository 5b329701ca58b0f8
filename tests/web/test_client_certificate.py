"""A certificate in a header counts only where the operator said so, and only from the proxy (rfc8705 §2)."""

import hashlib
from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace
from ipaddress import ip_address

import pytest
from cryptography import x509
from flask import request
from hypothesis import given
from hypothesis import strategies as st

from provider.protocol.client_certificate import LARGEST, MalformedCertificate, read_certificate
from provider.protocol.errors import InvalidRequest
from provider.web.client_certificate import client_certificate
from tests.support.applications import application
from tests.support.certificates import BEHIND_PROXY, make_certificate

RED = make_certificate(
    "CN=red,O=Red Ltd,C=GB",
    x509.DNSName("Red.test"),
    x509.UniformResourceIdentifier("spiffe://red.test/app"),
    x509.IPAddress(ip_address("192.0.2.7")),
    x509.RFC822Name("ops@red.test"),
)
THUMBPRINT = urlsafe_b64encode(hashlib.sha256(RED.der).digest()).decode().rstrip("=")
PROXIED = {"X-Forwarded-For": "192.0.2.1"}


@pytest.fixture(scope="module")
def ask(tmp_path_factory, sqlite_url):
    """Says which certificate a request with these headers is taken to have, under these settings."""
    from provider.config import Settings
    from tests.conftest import FAST_SETTINGS

    usual = Settings(database_url=sqlite_url, data_dir=tmp_path_factory.mktemp("data"), **FAST_SETTINGS)

    def asked(headers, **changed):
        with application(replace(usual, **changed)).test_request_context(headers=headers):
            return client_certificate(request)

    return asked


@pytest.mark.spec("rfc8705 §3.1")
@pytest.mark.parametrize(
    "written",
    [
        pytest.param(RED.escaped, id="percent-encoded PEM, as nginx and Envoy write it"),
        pytest.param(b64encode(RED.der).decode(), id="base64, as HAProxy writes it"),
        pytest.param(f":{b64encode(RED.der).decode()}:", id="a byte sequence (rfc9440 §2)"),
    ],
)
def test_a_certificate_is_read_in_the_forms_that_proxies_write(ask, written):
    read = ask(PROXIED | {"XClientCert": written, "XClientVerify": "SUCCESS"}, **BEHIND_PROXY)

    assert read.thumbprint == THUMBPRINT
    assert read.subject.rfc4514_string() == "CN=red,O=Red Ltd,C=GB"
    assert (read.san_dns, read.san_email) == ({"red.test"}, {"ops@red.test"})
    assert (read.san_uri, read.san_ip) == ({"spiffe://red.test/app"}, {ip_address("192.0.2.7")})
    assert read.is_verified


@pytest.mark.parametrize(
    ("headers", "settings"),
    [
        pytest.param(RED.headers(), {}, id="the setting is off"),
        pytest.param(RED.headers(), {"trusted_proxies": 1}, id="a proxy, but no setting"),
        pytest.param({"XClientCert": RED.escaped}, BEHIND_PROXY, id="not through the proxy"),
        pytest.param(
            RED.headers() | {"X-Forwarded-For": ","}, BEHIND_PROXY, id="an empty trace of the proxy"
        ),
        pytest.param(RED.headers(), BEHIND_PROXY | {"trusted_proxies": 2}, id="through one proxy of two"),
        pytest.param(PROXIED | {"XClientCert": ""}, BEHIND_PROXY, id="no certificate was shown"),
        pytest.param(PROXIED | {"Client-Cert": RED.escaped}, BEHIND_PROXY, id="another header"),
        pytest.param(PROXIED | {"X_ClientCert": RED.escaped}, BEHIND_PROXY, id="one that looks like it"),
    ],
)
def test_the_header_is_not_believed(ask, headers, settings):
    assert ask(headers, **settings) is None


@pytest.mark.parametrize(
    ("headers", "settings", "verified"),
    [
        pytest.param(RED.headers(verified="SUCCESS"), {}, True, id="nginx says so"),
        pytest.param(RED.headers(verified="0"), {}, True, id="HAProxy says so"),
        pytest.param(RED.headers(verified="FAILED:self-signed"), {}, False, id="it failed"),
        pytest.param(RED.headers(verified="NONE"), {}, False, id="none was seen"),
        pytest.param(RED.headers(verified=""), {}, False, id="nothing is said"),
        pytest.param(
            RED.headers(), {"client_certificate_verified_header": ""}, False, id="no header that says so"
        ),
    ],
)
def test_only_the_proxy_knows_whether_an_authority_vouches(ask, headers, settings, verified):
    assert ask(headers, **BEHIND_PROXY | settings).is_verified is verified


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("nonsense", id="nonsense"),
        pytest.param("%", id="a lonely percent sign"),
        pytest.param("::", id="an empty byte sequence"),
        pytest.param(":", id="half a byte sequence"),
        pytest.param(RED.escaped[:-40], id="cut off"),
        pytest.param(RED.escaped + RED.escaped, id="two in one"),
        pytest.param(f"{RED.escaped}, {RED.escaped}", id="two headers in one"),
        pytest.param(RED.escaped.replace("CERTIFICATE", "PRIVATE%20KEY"), id="another kind of PEM"),
        pytest.param(b64encode(RED.der[:-5]).decode(), id="DER cut off"),
        pytest.param("A" * (LARGEST + 4), id="longer than any certificate"),
    ],
)
def test_what_cannot_be_read_is_refused(ask, written):
    with pytest.raises(InvalidRequest):
        ask(PROXIED | {"XClientCert": written}, **BEHIND_PROXY)


def test_a_second_header_is_refused(ask):
    with pytest.raises(InvalidRequest):
        ask([*PROXIED.items(), ("XClientCert", RED.escaped), ("XClientCert", RED.escaped)], **BEHIND_PROXY)


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: b64encode(raw).decode()))
def test_no_text_does_more_than_be_refused(text):
    with pytest.raises(MalformedCertificate):
        read_certificate(text)
