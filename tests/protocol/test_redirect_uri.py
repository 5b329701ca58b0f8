"""A redirect goes only to a URI that was registered, character for character."""

import pytest

from provider.protocol.client_metadata import InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from provider.protocol.redirect_uri import is_claimed, matches

REGISTERED = "https://rp.test/cb"

# URL-01 to URL-09: none of these is https://rp.test/cb.
MUTATIONS = [
    "http://rp.test/cb", "HTTPS://rp.test/cb", "ftp://rp.test/cb", "file:///cb", "gopher://rp.test/cb",
    "ldap://rp.test/cb", "dict://rp.test/cb", "jar:https://rp.test/cb", "javascript:alert(1)",
    "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "blob:https://rp.test/cb", "about:blank",
    "//rp.test/cb", "https:/rp.test/cb", "https:rp.test/cb", "https:///rp.test/cb",
    "https://RP.test/cb", "https://rp.test./cb", "https://rp.test%2e/cb", "https://a.rp.test/cb",
    "https://test/cb", "https://rp.testevil.test/cb", "https://rpxtest/cb", "https://xn--r-7sb.test/cb",
    "https://\u0440p.test/cb", "https://\uff52p.test/cb", "https://r\u200bp.test/cb", "https://r\u00adp.test/cb",
    "https://rp.test@evil.test/cb", "https://a@b@rp.test/cb", "https://rp.test:443@evil.test/cb",
    "https://rp.test%40evil.test/cb", "https://@rp.test/cb",
    "https://evil.test\\@rp.test/cb", "https://rp.test\\.evil.test/cb", "https:\\\\rp.test/cb",
    "/\\evil.test", "https://rp.test/\\evil",
    "https://rp.test:443/cb", "https://rp.test:0443/cb", "https://rp.test:0/cb", "https://rp.test:65536/cb",
    "https://rp.test:22/cb", "https://rp.test:+443/cb", "https://rp.test:\uff14\uff14\uff13/cb",
    "https://rp.test/cb/", "https://rp.test//cb", "https://rp.test/./cb", "https://rp.test/x/../cb",
    "https://rp.test/%2e%2e/cb", "https://rp.test/cb%2f", "https://rp.test/cb;x", "https://rp.test/cb/..;/x",
    "https://rp.test/CB", "https://rp.test/cb%00", "https://rp.test/cb%20",
    "https://rp.test/cb%0d%0aSet-Cookie:x",
    "https://rp.test/cb?", "https://rp.test/cb?x=1", "https://rp.test/cb#", "https://rp.test/cb#x",
    "https://rp.test/cb?next=https://evil",
    " https://rp.test/cb", "https://rp.test/cb ", "https://rp.test/cb\t", "https://rp.test/c\nb",
    "https://rp.test/cb\x00", "\ufeffhttps://rp.test/cb", "https://rp.test/\u200fcb",
    "https://rp.test/%2563b", "https://rp.test/%c0%af", "https://rp.test/%zz", "https://rp.test/\ud800",
    "https://rp.test/" + "a" * 2048, "https://rp.test/" + "a" * 65536, "",
]  # fmt: skip


@pytest.mark.spec("rfc8252 1")
@pytest.mark.parametrize(
    ("uri", "claimed"),
    [
        pytest.param("https://app.test/cb", True, id="a host of the app's maker"),
        pytest.param("https://127.0.0.1/cb", False, id="https on the loopback address"),
        pytest.param("https://localhost:8443/cb", False, id="https on localhost"),
        pytest.param("https://[::1]/cb", False, id="https on the IPv6 loopback address"),
        pytest.param("https://[::ffff:127.0.0.1]/cb", False, id="an IPv4 loopback address as IPv6"),
        pytest.param("https://app.localhost/cb", False, id="a name below localhost"),
        pytest.param("https://127.1.2.3/cb", False, id="another loopback address"),
        pytest.param("http://127.0.0.1:4711/cb", False, id="http"),
        pytest.param("com.example.app:/cb", False, id="a private-use scheme"),
    ],
)
def test_only_an_https_uri_of_a_host_can_be_claimed(uri, claimed):
    assert is_claimed(uri) is claimed


@pytest.mark.spec("URL-01 to URL-09")
@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("asked", MUTATIONS, ids=lambda uri: ascii(uri[:60]))
def test_no_mutation_passes_for_the_registered_uri(asked, native):
    assert not matches([REGISTERED], asked, native=native)


@pytest.mark.parametrize(
    ("registered", "asked", "native", "allowed"),
    [
        pytest.param("https://rp.test/cb", "https://rp.test/cb", False, True, id="exact match"),
        pytest.param(
            "http://127.0.0.1/cb", "http://127.0.0.1:4711/cb", True, True, id="loopback port is free"
        ),
        pytest.param("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb", True, True, id="one port for another"),
        pytest.param("http://[::1]/cb", "http://[::1]:4711/cb", True, True, id="IPv6 loopback port is free"),
        pytest.param("http://127.0.0.1", "http://127.0.0.1:4711", True, True, id="no path on either side"),
        pytest.param(
            "http://127.0.0.1/cb", "http://127.0.0.1:4711/cb", False, False, id="web: port is not free"
        ),
        pytest.param(
            "http://localhost/cb", "http://localhost:4711/cb", True, False, id="localhost is a name"
        ),
        pytest.param(
            "http://127.0.0.1/cb", "http://localhost/cb", True, False, id="localhost is not 127.0.0.1"
        ),
        pytest.param("http://127.0.0.1/cb", "http://[::1]/cb", True, False, id="::1 is not 127.0.0.1"),
        pytest.param("http://127.0.0.1/cb", "http://127.0.0.1.evil.test/cb", True, False, id="another host"),
        pytest.param(
            "http://127.0.0.1/cb", "http://127.0.0.1:4711/cb/", True, False, id="the path still counts"
        ),
        pytest.param(
            "http://127.0.0.1/cb", "http://127.0.0.1:4711@evil.test/cb", True, False, id="user name"
        ),
        pytest.param("http://127.0.0.1/cb", "http://127.0.0.1:0/cb", True, False, id="port 0 is no port"),
        pytest.param(
            "https://127.0.0.1/cb", "https://127.0.0.1:4711/cb", True, False, id="only http is free"
        ),
        pytest.param("com.example.app:/cb", "com.example.app:/cb", True, True, id="private-use scheme"),
        pytest.param(
            "com.example.app:/cb", "com.example.app:/cb2", True, False, id="private-use, other path"
        ),
    ],
)
@pytest.mark.spec("rfc9700 1, rfc8252 1, URL-11")
def test_matching(registered, asked, native, allowed):
    assert matches([registered], asked, native=native) is allowed


# URIs that are a mutation of another one, but a proper URI in their own right.
PROPER = {
    "https://a.rp.test/cb", "https://test/cb", "https://rp.testevil.test/cb", "https://rpxtest/cb",
    "https://xn--r-7sb.test/cb", "https://rp.test:443/cb", "https://rp.test:22/cb", "https://rp.test/cb/",
    "https://rp.test//cb", "https://rp.test/cb%2f", "https://rp.test/cb;x", "https://rp.test/CB",
    "https://rp.test/cb%20", "https://rp.test/cb?", "https://rp.test/cb?x=1",
    "https://rp.test/cb?next=https://evil", "https://rp.test/%2563b", "https://rp.test/%c0%af",
}  # fmt: skip


@pytest.mark.spec("URL-01 to URL-09")
@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("uri", sorted(set(MUTATIONS) - PROPER), ids=lambda uri: ascii(uri[:60]))
@pytest.mark.parametrize("name", ["redirect_uris", "post_logout_redirect_uris"])
def test_what_could_be_read_in_two_ways_is_refused_at_registration(name, uri, native):
    asked = {"redirect_uris": [REGISTERED], "application_type": "native" if native else "web", name: [uri]}

    with pytest.raises(InvalidClientMetadata) as refused:
        read_registration(asked)

    assert refused.value.field == name


@pytest.mark.parametrize("uri", sorted(PROPER))
def test_a_proper_uri_can_be_registered(uri):
    assert read_registration({"redirect_uris": [uri]}).redirect_uris == (uri,)


@pytest.mark.parametrize(
    ("uri", "native", "allowed"),
    [
        pytest.param("http://localhost:8901/cb", False, True, id="localhost, for development"),
        pytest.param("http://127.0.0.1:8901/cb", False, True, id="loopback, for development"),
        pytest.param("http://[::1]/cb", True, True, id="IPv6 loopback of a native app"),
        pytest.param("http://10.0.0.1/cb", False, False, id="http to another machine"),
        pytest.param("http://127.1/cb", True, False, id="a short form of loopback"),
        pytest.param("http://2130706433/cb", True, False, id="loopback as one number"),
        pytest.param("com.example.app:/cb", True, True, id="reverse domain scheme of a native app"),
        pytest.param("com.example.app://cb", True, True, id="reverse domain scheme with two slashes"),
        pytest.param("com.example.app://cb:1/x", True, False, id="a port in a reverse domain scheme"),
        pytest.param("com.example.app://ada@cb/x", True, False, id="a user name in one"),
        pytest.param("com.example.app://a..b/x", True, False, id="a name in one that is no name"),
        pytest.param("com.example.app:/cb", False, False, id="private-use scheme of a web app"),
        pytest.param("myapp:/cb", True, False, id="a scheme without a dot can be anybody's"),
    ],
)
@pytest.mark.spec("registration 1, registration 2, rfc8252 1")
def test_schemes(uri, native, allowed):
    asked = {"redirect_uris": [uri], "application_type": "native" if native else "web"}
    if allowed:
        read_registration(asked)
    else:
        with pytest.raises(InvalidClientMetadata):
            read_registration(asked)
