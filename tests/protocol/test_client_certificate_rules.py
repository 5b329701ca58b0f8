"""The certificate that is a client's own (rfc8705 §2)."""

from ipaddress import ip_address

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from provider.protocol.client_certificate import read_certificate
from provider.protocol.client_certificate_rules import is_issued_for, read_subject
from provider.protocol.client_metadata import ClientMetadata, InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from tests.support.certificates import make_certificate
from tests.support.public_keys import X, Y

RED = read_certificate(
    make_certificate(
        "CN=red,OU=Apps+UID=7,O=Red\\, Ltd,C=GB",
        x509.DNSName("Red.test"),
        x509.DNSName("*.blue.test"),
        x509.UniformResourceIdentifier("spiffe://red.test/app"),
        x509.IPAddress(ip_address("2001:db8::7")),
        x509.RFC822Name("ops@red.test"),
    ).x5c
)
WITHOUT_NAMES = read_certificate(make_certificate("").x5c)
SUBJECT, DNS, URI, IP, EMAIL = (
    f"tls_client_auth_{name}" for name in ("subject_dn", "san_dns", "san_uri", "san_ip", "san_email")
)


def registered(**members) -> ClientMetadata:
    smallest = {"redirect_uris": ["https://red.test/cb"], "token_endpoint_auth_method": "tls_client_auth"}
    return read_registration(smallest | members)


@pytest.mark.spec("rfc8705 §2.1.2")
@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        pytest.param(SUBJECT, "CN=red,OU=Apps+UID=7,O=Red\\, Ltd,C=GB", True, id="the subject"),
        pytest.param(SUBJECT, "CN=red,UID=7+OU=Apps,O=Red\\2c Ltd,C=GB", True, id="the same in other words"),
        pytest.param(SUBJECT, "C=GB,O=Red\\, Ltd,OU=Apps+UID=7,CN=red", False, id="the other way round"),
        pytest.param(SUBJECT, "CN=red", False, id="a part of the subject"),
        pytest.param(SUBJECT, "CN=red,OU=Apps+UID=7,O=Red\\, Ltd,C=GB,DC=x", False, id="more than that"),
        pytest.param(SUBJECT, "CN=RED,OU=Apps+UID=7,O=Red\\, Ltd,C=GB", False, id="in capitals"),
        pytest.param(DNS, "red.test", True, id="a DNS name, in whatever case"),
        pytest.param(DNS, "app.blue.test", False, id="a wildcard is no name"),
        pytest.param(DNS, "test", False, id="the end of a name"),
        pytest.param(URI, "spiffe://red.test/app", True, id="a URI"),
        pytest.param(URI, "spiffe://red.test/app2", False, id="another URI"),
        pytest.param(IP, "2001:DB8:0::7", True, id="an address in another form"),
        pytest.param(IP, "192.0.2.7", False, id="another address"),
        pytest.param(EMAIL, "ops@red.test", True, id="an e-mail address"),
        pytest.param(EMAIL, "red.test@red.test", False, id="another e-mail address"),
        pytest.param(EMAIL, "x@Red.test", False, id="a host is no e-mail address"),
    ],
)
def test_the_registered_name_must_be_in_the_certificate(name, value, fits):
    metadata = registered(**{name: value})

    assert is_issued_for(RED, metadata) is fits
    assert not is_issued_for(WITHOUT_NAMES, metadata)


def test_who_registered_no_name_has_no_certificate():
    metadata = read_registration({"redirect_uris": ["https://red.test/cb"]})

    assert not is_issued_for(RED, metadata)
    assert not is_issued_for(WITHOUT_NAMES, metadata)


@pytest.mark.parametrize(
    ("members", "field"),
    [
        pytest.param({}, SUBJECT, id="rfc8705 §2.1.2: none"),
        pytest.param({SUBJECT: "CN=red", DNS: "red.test"}, DNS, id="rfc8705 §2.1.2: two"),
        pytest.param({SUBJECT: ""}, SUBJECT, id="an empty subject"),
        pytest.param({SUBJECT: "red"}, SUBJECT, id="no distinguished name"),
        pytest.param({SUBJECT: "CN=red,"}, SUBJECT, id="half a distinguished name"),
        pytest.param({DNS: "*.red.test"}, DNS, id="a wildcard"),
        pytest.param({DNS: "red..test"}, DNS, id="an empty label"),
        pytest.param({DNS: ""}, DNS, id="an empty name"),
        pytest.param({URI: "red.test"}, URI, id="no URI"),
        pytest.param({IP: "192.0.2.0/24"}, IP, id="a network"),
        pytest.param({IP: "192.0.2.07"}, IP, id="a number with a leading zero"),
        pytest.param({EMAIL: "red.test"}, EMAIL, id="no e-mail address"),
        pytest.param({EMAIL: ["ops@red.test"]}, EMAIL, id="a list"),
        pytest.param(
            {"token_endpoint_auth_method": "self_signed_tls_client_auth"}, "jwks", id="self-signed, no keys"
        ),
        pytest.param(
            {
                "token_endpoint_auth_method": "self_signed_tls_client_auth",
                "jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": X, "y": Y}]},
            },
            "jwks",
            id="rfc8705 §2.2.2: a key without its certificate",
        ),
    ],
)
def test_what_can_never_be_compared_is_not_registered(members, field):
    with pytest.raises(InvalidClientMetadata) as refused:
        registered(**members)

    assert {problem.field for problem in refused.value.problems} >= {field}


@given(st.text(max_size=80))
def test_no_text_is_more_than_no_subject(text):
    try:
        assert list(read_subject(text))
    except ValueError:
        assert True
