"""The addresses that may be called: every vector as a literal, from DNS, and under an allow-list."""

import socket
from collections.abc import Callable
from ipaddress import ip_address, ip_network

import pytest

from provider.infrastructure.outbound.addresses import embedded
from provider.infrastructure.outbound_http import (
    OutboundClient,
    OutboundFailure,
    OutboundPolicy,
    RefusedTarget,
    check_url,
)
from tests.infrastructure.outbound_servers import always

PRIVATE = [
    pytest.param("10.0.0.1", id="URL-13 private ten"),
    pytest.param("100.64.0.1", id="URL-14 carrier-grade NAT, which is_private does not know"),
    pytest.param("127.0.0.1", id="URL-15 loopback"),
    pytest.param("127.255.255.254", id="URL-15 the far end of loopback"),
    pytest.param("172.16.0.1", id="URL-17 private 172.16"),
    pytest.param("172.31.255.255", id="URL-17 the far end of 172.16/12"),
    pytest.param("192.0.0.9", id="URL-18 IETF assignments, global to Python"),
    pytest.param("192.0.2.1", id="URL-19 documentation"),
    pytest.param("192.31.196.1", id="URL-20 AS112"),
    pytest.param("192.52.193.1", id="URL-20 AMT"),
    pytest.param("192.88.99.1", id="URL-20 6to4 relay"),
    pytest.param("192.175.48.1", id="URL-20 direct delegation AS112"),
    pytest.param("192.168.1.1", id="URL-21 private 192.168"),
    pytest.param("198.18.0.1", id="URL-22 benchmarking"),
    pytest.param("198.51.100.1", id="URL-23 documentation 2"),
    pytest.param("203.0.113.1", id="URL-23 documentation 3"),
    pytest.param("240.0.0.1", id="URL-25 reserved"),
    pytest.param("::1", id="URL-27 loopback six"),
    pytest.param("::ffff:127.0.0.1", id="URL-28 mapped loopback"),
    pytest.param("::ffff:7f00:1", id="URL-28 mapped loopback in hex"),
    pytest.param("::ffff:8.8.8.8", id="URL-28 even a mapped public address"),
    pytest.param("::127.0.0.1", id="URL-29 compatible loopback"),
    pytest.param("::ffff:0:127.0.0.1", id="URL-30 translated loopback"),
    pytest.param("64:ff9b::7f00:1", id="URL-31 NAT64 of loopback"),
    pytest.param("64:ff9b:1::1", id="URL-32 local NAT64"),
    pytest.param("100::1", id="URL-33 discard-only"),
    pytest.param("2001:0:0a00:1::f5ff:fffe", id="URL-34 Teredo with private inside"),
    pytest.param("2001:20::1", id="URL-34 ORCHIDv2"),
    pytest.param("2001:db8::1", id="URL-35 documentation six"),
    pytest.param("3fff::1", id="URL-35 documentation six, new"),
    pytest.param("2002:7f00:1::", id="URL-36 6to4 of loopback"),
    pytest.param("5f00::1", id="URL-37 segment routing"),
    pytest.param("fec0::1", id="URL-37 site-local"),
    pytest.param("fc00::1", id="URL-38 unique local"),
    pytest.param("fdff::1", id="URL-38 the other half of unique local"),
    pytest.param("4000::1", id="unassigned"),
    pytest.param("2606:4700::5efe:7f00:1", id="ISATAP of loopback"),
]
NEVER = [
    pytest.param("0.0.0.0", id="URL-12 this host"),
    pytest.param("0.1.2.3", id="URL-12 this network"),
    pytest.param("100.100.100.200", id="URL-14 Alibaba's metadata"),
    pytest.param("168.63.129.16", id="Azure's wire server, a public address"),
    pytest.param("169.254.169.254", id="URL-16 cloud metadata"),
    pytest.param("169.254.170.2", id="URL-16 ECS credentials"),
    pytest.param("169.254.169.123", id="URL-16 time service"),
    pytest.param("224.0.0.1", id="URL-24 multicast, global to Python"),
    pytest.param("239.255.255.255", id="URL-24 the far end of multicast"),
    pytest.param("255.255.255.255", id="URL-25 broadcast"),
    pytest.param("::", id="URL-26 unspecified"),
    pytest.param("::ffff:169.254.169.254", id="URL-28 mapped metadata"),
    pytest.param("::169.254.169.254", id="URL-29 compatible metadata"),
    pytest.param("::ffff:0:169.254.169.254", id="URL-30 translated metadata"),
    pytest.param("64:ff9b::a9fe:a9fe", id="URL-31 NAT64 of metadata"),
    pytest.param("2001:0:a9fe:a9fe::1", id="URL-34 Teredo server is metadata"),
    pytest.param("2001:0:808:808::5601:5601", id="URL-34 Teredo client is metadata"),
    pytest.param("2002:a9fe:a9fe::", id="URL-36 6to4 of metadata"),
    pytest.param("fd00:ec2::254", id="URL-38 AWS metadata six"),
    pytest.param("fe80::1", id="URL-39 link-local six"),
    pytest.param("ff02::1", id="URL-39 multicast six"),
]
EVERYTHING = OutboundPolicy(allowed_networks=(ip_network("0.0.0.0/0"), ip_network("::/0")))


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The addresses that sockets connect to.

    An audit hook hears of them, too, but stays in the process, which then calls it for each file and import.
    """
    noted: list[object] = []

    def noting(name: str) -> Callable[..., object]:
        original = getattr(socket.socket, name)

        def connect(self: socket.socket, address: object) -> object:
            noted.append(address)
            return original(self, address)

        return connect

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, noting(name))
    return noted


def as_url(address: str) -> str:
    return f"https://[{address}]/cb" if ":" in address else f"https://{address}/cb"


@pytest.mark.parametrize("address", PRIVATE + NEVER)
def test_a_literal_that_is_not_public_is_refused_at_registration(address):
    with pytest.raises(RefusedTarget):
        check_url(as_url(address), OutboundPolicy())


@pytest.mark.spec("backchannel OP 12")
@pytest.mark.parametrize("address", PRIVATE + NEVER)
def test_a_name_that_resolves_there_gets_no_packet(connects, address):
    client = OutboundClient(OutboundPolicy(), resolve=always(address))

    with pytest.raises(RefusedTarget) as refused:
        client.post_form("https://red.test/cb", {"logout_token": "t"})

    assert connects == []
    assert refused.value.kind == "refused"
    assert address not in str(refused.value)


@pytest.mark.parametrize("address", PRIVATE + NEVER)
def test_a_literal_is_refused_when_sending_as_well(connects, address):
    # URL-56: a stored URL may have been edited since it was registered.
    client = OutboundClient(OutboundPolicy())

    with pytest.raises(RefusedTarget):
        client.post_form(as_url(address), {})

    assert connects == []


def test_an_allowed_address_gets_one(connects):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address, port = bound.getsockname()
        with pytest.raises(OutboundFailure):
            OutboundClient(EVERYTHING).post_form(f"https://{address}:{port}/cb", {})

    assert connects == [(address, port)]


@pytest.mark.parametrize("address", NEVER)
def test_no_allow_list_opens_metadata_and_link_local(address):
    with pytest.raises(RefusedTarget):
        check_url(as_url(address), EVERYTHING)


@pytest.mark.parametrize("address", NEVER)
def test_an_allowed_host_name_does_not_open_them_either(address):
    client = OutboundClient(OutboundPolicy(allowed_hosts=("red.test",)), resolve=always(address))

    with pytest.raises(RefusedTarget):
        client.post_form("https://red.test/cb", {})


@pytest.mark.spec("URL-39")
@pytest.mark.parametrize("host", ["[fe80::1%eth0]", "[fe80::1%25eth0]", "[2606:4700::1%25eth0]"])
def test_zone_ids_are_refused(host):
    with pytest.raises(RefusedTarget):
        check_url(f"https://{host}/cb", EVERYTHING)


@pytest.mark.spec("URL-39")
def test_a_zone_id_in_a_response_is_refused():
    client = OutboundClient(EVERYTHING, resolve=always("2606:4700::1%eth0"))

    with pytest.raises(RefusedTarget):
        client.post_form("https://red.test/cb", {})


@pytest.mark.spec("URL-55")
@pytest.mark.parametrize(
    ("address", "networks"),
    [
        pytest.param("8.8.8.8", (), id="a public literal is allowed, by policy"),
        pytest.param("2606:4700::1111", (), id="a public IPv6 literal too"),
        pytest.param("64:ff9b::808:808", (), id="NAT64 of a public address, for IPv6-only networks"),
        pytest.param("10.1.2.3", ("10.0.0.0/8",), id="a private address in the operator's list"),
        pytest.param("fd12::1", ("fd12::/16",), id="a private IPv6 address in the list"),
        pytest.param("::1", ("::1/128",), id="loopback six in the list"),
    ],
)
def test_what_may_be_called(address, networks):
    check_url(as_url(address), OutboundPolicy(allowed_networks=tuple(map(ip_network, networks))))


def test_a_listed_address_does_not_open_another_one_inside_it():
    # ::ffff:0:0/96 is listed, loopback is not: what a kernel would reach is judged, not what is written.
    policy = OutboundPolicy(allowed_networks=(ip_network("::ffff:0:0/96"),))

    with pytest.raises(RefusedTarget):
        check_url("https://[::ffff:127.0.0.1]/cb", policy)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        pytest.param("::ffff:1.2.3.4", ["1.2.3.4"], id="mapped"),
        pytest.param("::1.2.3.4", ["1.2.3.4"], id="compatible"),
        pytest.param("::ffff:0:1.2.3.4", ["1.2.3.4"], id="translated"),
        pytest.param("64:ff9b::1.2.3.4", ["1.2.3.4"], id="NAT64"),
        pytest.param("2002:102:304::", ["1.2.3.4"], id="6to4"),
        pytest.param(
            "2001:0:102:304::fefd:fcfb", ["1.2.3.4", "1.2.3.4"], id="Teredo: server, inverted client"
        ),
        pytest.param("2606:4700::200:5efe:102:304", ["1.2.3.4"], id="ISATAP"),
        pytest.param("::1", [], id="loopback is no IPv4 address"),
        pytest.param("2606:4700::1", [], id="an ordinary address"),
        pytest.param("1.2.3.4", [], id="IPv4 itself"),
    ],
)
def test_embedded_addresses_are_found(outer, inner):
    assert [str(address) for address in embedded(ip_address(outer))] == inner
