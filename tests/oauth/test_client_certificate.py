"""Clients that prove themselves by the certificate of their TLS connection (rfc8705 §2)."""

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from tests.factories import secret_of
from tests.support.browsers import ISSUER
from tests.support.certificates import BEHIND_PROXY, Shown, make_certificate
from tests.support.key_server import published
from tests.support.relying_party import RelyingParty

KEY = ec.generate_private_key(ec.SECP256R1())
RED = make_certificate("CN=red,O=Red Ltd", x509.DNSName("red.test"), key=KEY)
# The same name and the same key, and yet another certificate.
ANOTHER = make_certificate("CN=red,O=Red Ltd", x509.DNSName("red.test"), key=KEY)
BEN = make_certificate("CN=ben")
JWK = ECKey.import_key(KEY.public_key()).as_dict(private=False)
REGISTERED = {"keys": [JWK | {"x5c": [RED.x5c], "kid": "1"}]}


pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(settings, request):
    return replace(settings, **BEHIND_PROXY | getattr(request, "param", {}))


@pytest.fixture
def by_name(app):
    return RelyingParty(
        app,
        "red",
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_subject_dn="CN=red,O=Red Ltd",
    )


@pytest.fixture
def by_certificate(app):
    return RelyingParty(app, "red", token_endpoint_auth_method="self_signed_tls_client_auth", jwks=REGISTERED)


def ask(rp, headers=None, **form):
    given = {"token": "cfa_x", "client_id": "red"} | form
    return rp.http.post("/introspect", headers=headers or {}, data={n: v for n, v in given.items() if v})


@pytest.mark.spec("rfc8705 §2.1")
def test_a_certificate_with_the_registered_name_proves_its_client(by_name):
    assert ask(by_name, RED.headers()).status_code == 200
    assert ask(by_name, ANOTHER.headers()).status_code == 200


# The version stands first in a certificate, [0] INTEGER; 2 means v3 (rfc5280 §4.1.2.1).
VERSION = b"\xa0\x03\x02\x01"


@pytest.mark.parametrize("version", [b"\x05", b"\x03", b"\x7f", b"\xff"])
def test_a_certificate_of_an_unknown_version_cannot_be_read(by_name, version):
    assert RED.der.count(VERSION + b"\x02") == 1
    odd = Shown(RED.der.replace(VERSION + b"\x02", VERSION + version))

    response = ask(by_name, RED.headers() | {"XClientCert": odd.x5c})

    assert (response.status_code, response.json["error"]) == (400, "invalid_request")
    assert ask(by_name, RED.headers() | {"XClientCert": RED.x5c}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "form", "status"),
    [
        pytest.param({}, {}, 401, id="no certificate"),
        pytest.param(BEN.headers(), {}, 401, id="another person's certificate"),
        pytest.param(RED.headers(verified="FAILED:self-signed"), {}, 401, id="not vouched for"),
        pytest.param(RED.headers(verified="NONE"), {}, 401, id="the proxy saw none"),
        pytest.param(RED.headers() | {"X-Forwarded-For": ""}, {}, 401, id="not through the proxy"),
        pytest.param(RED.headers(), {"client_id": None}, 401, id="rfc8705 §2: without client_id"),
        pytest.param(RED.headers(), {"client_id": "green"}, 401, id="another client's name"),
        pytest.param(RED.headers(), {"client_id": "nobody"}, 401, id="an unknown client"),
        pytest.param(RED.headers(), {"client_secret": secret_of("red")}, 401, id="a secret beside it"),
        pytest.param(
            RED.headers() | {"Authorization": "Basic cmVkOng="}, {}, 401, id="another proof beside it"
        ),
        pytest.param(RED.headers() | {"XClientCert": "nonsense"}, {}, 400, id="an unreadable certificate"),
    ],
)
def test_nothing_less_proves_it(app, by_name, headers, form, status):
    RelyingParty(app, "green")

    response = ask(by_name, headers, **form)

    assert response.status_code == status
    assert response.json["error"] == ("invalid_client" if status == 401 else "invalid_request")


@pytest.mark.spec("rfc8705 §2.2")
def test_the_very_certificate_proves_who_registered_it(by_certificate):
    unverified = RED.headers(verified="FAILED:self-signed certificate")

    assert ask(by_certificate, unverified).status_code == 200
    assert ask(by_certificate, ANOTHER.headers()).status_code == 401
    assert ask(by_certificate, BEN.headers()).status_code == 401


def test_each_client_has_the_one_method_that_it_registered(app):
    """A certificate beside another proof is no proof; tokens may be bound to it all the same (§3)."""
    blue = RelyingParty(app, "blue", jwks=REGISTERED, tls_client_auth_subject_dn="CN=red,O=Red Ltd")

    assert ask(blue, RED.headers(), client_id="blue").status_code == 401
    with_secret = {"token": "cfa_x"}
    proof = ("blue", secret_of("blue"))
    assert (
        blue.http.post("/introspect", headers=RED.headers(), data=with_secret, auth=proof).status_code == 200
    )


@pytest.mark.parametrize(
    ("settings", "methods"),
    [
        pytest.param({}, {"tls_client_auth", "self_signed_tls_client_auth"}, id="both"),
        pytest.param(
            {"client_certificate_verified_header": ""}, {"self_signed_tls_client_auth"}, id="not vouched for"
        ),
        pytest.param(
            {"client_certificate_verified_header": "", "client_certificate_header": ""},
            set(),
            id="none at all",
        ),
    ],
    indirect=["settings"],
)
def test_discovery_lists_what_works(app, methods):
    document = app.test_client().get("/.well-known/openid-configuration").json

    for endpoint in ("token", "revocation", "introspection"):
        listed = document[f"{endpoint}_endpoint_auth_methods_supported"]
        assert {method for method in listed if "tls" in method} == methods
    assert "mtls_endpoint_aliases" not in document


@pytest.mark.spec("rfc8705 §5")
@pytest.mark.parametrize("settings", [{"mtls_origin": "https://mtls.test"}], indirect=True, ids=[""])
def test_discovery_lists_where_certificates_are_asked_for(app):
    document = app.test_client().get("/.well-known/openid-configuration").json

    aliases = document["mtls_endpoint_aliases"]
    assert aliases["token_endpoint"] == "https://mtls.test/token"
    assert document["token_endpoint"] == f"{ISSUER}/token"
    assert aliases.keys() <= document.keys()


@pytest.mark.parametrize(
    "settings",
    [{"client_certificate_header": "", "client_certificate_verified_header": ""}],
    indirect=True,
    ids=[""],
)
def test_without_the_setting_no_client_is_proven(by_name):
    assert ask(by_name, RED.headers()).status_code == 401


def test_a_certificate_may_be_published(app):
    """DEC-17: strangers' certificates make us look but seldom."""
    with published(REGISTERED) as keys:
        made = {"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks_uri": keys.uri}
        publisher = RelyingParty(app, "red", **made)
        assert ask(publisher, RED.headers()).status_code == 200
        for _ in range(3):
            assert ask(publisher, BEN.headers()).status_code == 401
        assert ask(publisher, RED.headers()).status_code == 200

        assert len(keys.asked) == 2
