"""The URLs that may be registered: everything that two parsers could read in two ways is refused."""

from ipaddress import ip_network

import pytest

from provider.infrastructure.outbound_http import OutboundPolicy, RefusedTarget, check_url

LOOPBACK = OutboundPolicy(allowed_networks=(ip_network("127.0.0.0/8"),))


@pytest.mark.parametrize(
    "url",
    [
        "https://rp.test/cb",
        "https://rp.test",
        "https://rp.test/",
        "https://rp.test:443/cb",
        "https://rp.test:8443/cb",
        "https://a-b.rp.test/cb/deep/er?tenant=7&x=%C3%A9",
        "https://rp.test/%C3%A9t%C3%A9",
        "https://xn--bcher-kva.test/cb",
        "https://rp.test/cb/;v=1",
    ],
)
def test_ordinary_urls_are_accepted(url):
    check_url(url, OutboundPolicy())


@pytest.mark.spec("URL-01")
@pytest.mark.parametrize(
    "url",
    [
        *(f"{scheme}://rp.test/cb" for scheme in ("http", "HTTPS", "ftp", "file", "gopher", "ldap", "dict")),
        "jar:https://rp.test/cb",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/plain,x",
        "vbscript:x",
        "blob:https://rp.test/x",
        "about:blank",
        "//rp.test/cb",
        "https:/rp.test",
        "https:rp.test",
        "https:///rp.test",
        "https://",
        "",
    ],
)
def test_other_schemes_are_refused(url):
    with pytest.raises(RefusedTarget):
        check_url(url, OutboundPolicy())


@pytest.mark.spec("URL-02")
@pytest.mark.parametrize(
    "host",
    [
        pytest.param("RP.test", id="upper case is not the normal form"),
        pytest.param("rp.test.", id="a trailing dot"),
        pytest.param("rp.test%2e", id="an escaped dot"),
        pytest.param("rр.test", id="a Cyrillic letter"),
        pytest.param("ｒｐ.test", id="full-width letters"),
        pytest.param("rp\u200b.test", id="a zero-width space"),
        pytest.param("r\u00adp.test", id="a soft hyphen"),
        pytest.param("rp..test", id="an empty label"),
        pytest.param("-rp.test", id="a label that starts with a hyphen"),
        pytest.param("a" * 64 + ".test", id="a label of 64 letters"),
        pytest.param(".".join(["a" * 60] * 5), id="a name of more than 253 letters"),
        pytest.param("rp", id="URL-46 a single label, which search domains complete"),
        pytest.param("localhost", id="URL-46 localhost"),
        pytest.param("red.localhost", id="URL-46 a name below localhost"),
    ],
)
def test_odd_hosts_are_refused(host):
    with pytest.raises(RefusedTarget):
        check_url(f"https://{host}/cb", OutboundPolicy())


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://rp.test@evil.test/cb", id="URL-03 a host as userinfo"),
        pytest.param("https://a@b@rp.test/cb", id="URL-03 two at signs"),
        pytest.param("https://rp.test:443@evil.test", id="URL-03 host and port as userinfo"),
        pytest.param("https://rp.test%40evil.test", id="URL-03 an escaped at sign"),
        pytest.param("https://@rp.test", id="URL-03 empty userinfo"),
        pytest.param("https://evil.test\\@rp.test/cb", id="URL-04 backslash before the at sign"),
        pytest.param("https://rp.test\\.evil.test", id="URL-04 backslash in the host"),
        pytest.param("https:\\\\rp.test", id="URL-04 backslashes for slashes"),
        pytest.param("https://rp.test/\\evil", id="URL-04 backslash in the path"),
        pytest.param("http://127.0.0.1:8000\\@rp.test/", id="the parser difference that was measured"),
        pytest.param("https://rp.test:0/", id="URL-05 port zero, which requests would lose"),
        pytest.param("https://rp.test:0443/", id="URL-05 a leading zero"),
        pytest.param("https://rp.test:65536/", id="URL-05 a port too high"),
        pytest.param("https://rp.test:+443/", id="URL-05 a signed port"),
        pytest.param("https://rp.test:/", id="URL-05 an empty port"),
        pytest.param("https://rp.test:４４３/", id="URL-05 full-width digits"),
        pytest.param("https://rp.test:22/", id="URL-05 ssh"),
        pytest.param("https://rp.test:6379/", id="URL-52 redis"),
        pytest.param("https://rp.test:25/", id="URL-52 smtp"),
        pytest.param("https://rp.test//cb", id="URL-06 a double slash"),
        pytest.param("https://rp.test/./cb", id="URL-06 a dot segment"),
        pytest.param("https://rp.test/x/../cb", id="URL-06 a double dot segment"),
        pytest.param("https://rp.test/%2e%2e/cb", id="URL-06 an escaped double dot"),
        pytest.param("https://rp.test/cb%2f", id="URL-06 an escaped slash"),
        pytest.param("https://rp.test/cb%5c", id="URL-06 an escaped backslash"),
        pytest.param("https://rp.test/cb/..;/x", id="URL-06 a double dot with a parameter"),
        pytest.param("https://rp.test/cb%00", id="URL-06 an escaped NUL"),
        pytest.param("https://rp.test/cb%20", id="URL-06 an escaped space"),
        pytest.param("https://rp.test/cb%0d%0aSet-Cookie:x", id="URL-06 an escaped line break"),
        pytest.param("https://rp.test/cb?x=%0d%0a", id="URL-06 an escaped line break in the query"),
        pytest.param("https://rp.test/cb#", id="URL-07 an empty fragment"),
        pytest.param("https://rp.test/cb#x", id="URL-07 a fragment"),
        pytest.param(" https://rp.test/cb", id="URL-08 a leading space"),
        pytest.param("https://rp.test/cb ", id="URL-08 a trailing space"),
        pytest.param("https://rp.test/c\tb", id="URL-08 a tab, which urlsplit strips"),
        pytest.param("https://rp.test/cb\n", id="URL-08 a line break"),
        pytest.param("https://rp.test/cb\r\nX: y", id="URL-08 a header after a line break"),
        pytest.param("https://rp.test/c\0b", id="URL-08 NUL"),
        pytest.param("\ufeffhttps://rp.test/cb", id="URL-08 a byte order mark"),
        pytest.param("https://rp.test/\u202ecb", id="URL-08 a right-to-left mark"),
        pytest.param("https://rp.test/%2525", id="URL-09 a double percent"),
        pytest.param("https://rp.test/%c0%af", id="URL-09 overlong UTF-8"),
        pytest.param("https://rp.test/%41", id="URL-09 an escaped letter, which requests would unescape"),
        pytest.param("https://rp.test/%zz", id="URL-09 a broken escape"),
        pytest.param("https://rp.test/\ud800", id="URL-09 a lone surrogate"),
        pytest.param("https://rp.test/" + "a" * 2048, id="URL-09 two kilobytes"),
        pytest.param("https://rp.test/" + "a" * 65536, id="URL-09 sixty-four kilobytes"),
    ],
)
def test_ambiguous_urls_are_refused(url):
    with pytest.raises(RefusedTarget):
        check_url(url, OutboundPolicy())


@pytest.mark.spec("URL-45")
@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.01",
        "0x7f.1",
        "127.1",
        "127.0.1",
        "0",
        "0x7f.0.0.0x1",
        "1.2.3.4.5",
        "rp.test.1",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "１２７.0.0.1",
        "[127.0.0.1]",
        "[::1",
        "[::g]",
        "[1::2::3]",
    ],
)
def test_numeric_forms_are_refused_even_where_loopback_is_allowed(host):
    with pytest.raises(RefusedTarget):
        check_url(f"http://{host}/cb", LOOPBACK)


@pytest.mark.spec("DEC-12")
@pytest.mark.parametrize(
    ("url", "policy", "allowed"),
    [
        pytest.param("http://127.0.0.1:8901/cb", LOOPBACK, True, id="http to a listed address, any port"),
        pytest.param("http://localhost:8901/cb", LOOPBACK, True, id="localhost is loopback"),
        pytest.param("https://127.0.0.1:22/cb", LOOPBACK, True, id="a listed address may use any port"),
        pytest.param("http://8.8.8.8/cb", LOOPBACK, False, id="http to a public address"),
        pytest.param("http://10.0.0.1/cb", LOOPBACK, False, id="http to an unlisted private address"),
        pytest.param("http://rp.test/cb", OutboundPolicy(), False, id="http without any list"),
        pytest.param(
            "http://rp:8080/cb", OutboundPolicy(allowed_hosts=("rp",)), True, id="a listed host, single label"
        ),
        pytest.param(
            "http://other:8080/cb",
            OutboundPolicy(allowed_hosts=("rp",)),
            False,
            id="a host that is not listed",
        ),
        pytest.param("https://rp.test:9999/", OutboundPolicy(allowed_ports=None), True, id="any port but..."),
        pytest.param(
            "https://rp.test:6379/", OutboundPolicy(allowed_ports=None), False, id="...foreign ones"
        ),
    ],
)
def test_what_only_an_operator_can_allow(url, policy, allowed):
    if allowed:
        check_url(url, policy)
    else:
        with pytest.raises(RefusedTarget):
            check_url(url, policy)


def test_a_purpose_may_refuse_http_altogether():
    with pytest.raises(RefusedTarget):
        check_url("http://127.0.0.1:8901/cb", LOOPBACK, purpose_allows_http=False)


@pytest.mark.spec("THR-44")
def test_a_refusal_tells_its_class_and_nothing_else():
    with pytest.raises(RefusedTarget) as refused:
        check_url("https://10.1.2.3/cb", OutboundPolicy())

    assert str(refused.value) == "the target is not allowed"
    assert "10.1.2.3" in refused.value.detail
