"""Bad wires between the processes: slow, thin, torn, cut, silent (FLT-46, FLT-47, FLT-24, FLT-38, FLT-49)."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.faults.beside import in_background
from tests.faults.conftest import Broker
from tests.faults.site import Site
from tests.faults.visitors import Refused
from tests.support.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.long]
OpenSite = Callable[..., Site]
TOXICS = {
    "latency": {"latency": 0.15},
    "bandwidth": {"bytes_per_second": 20_000.0},
    "slicer": {"slice_bytes": 16},
    "limit_data": {"limit_bytes": 3000},
    "slow_close": {"slow_close": 0.3},
    "down": {"refuse": True},
    "timeout": {"hole": True},
    "reset_peer": {},
}
LINKS = ["database", "broker", "relying party"]


@pytest.mark.parametrize("link", LINKS)
def test_every_toxic_on_a_link(open_site: OpenSite, broker: Broker, link: str) -> None:
    """FLT-46, FLT-47: one poison after the other, each healed after a while; the checker judges all."""
    site = open_site("postgresql", is_open=False)
    match link:
        case "database":
            wire = site.wire_to_database()
        case "broker":
            wire = site.wire_to(broker.port)
            site.settings["broker_url"] = f"redis://127.0.0.1:{wire.port}/0"
        case "relying party":
            wire = site.wire_to(site.rps["red"].port)
    site.open()
    if link == "relying party":
        site.curfew(
            "client", "update", "red", "--deliver-to", f"http://127.0.0.1:{wire.port}/backchannel-logout"
        )
    visits: list = []

    def visit_once() -> None:
        try:
            visit = site.visitors.sign_in("ada", ["red", "green"])
        except (requests.RequestException, Refused):
            return
        visits.append(visit)
        site.visitors.sign_out_until_answered(visit)

    with in_background(visit_once, every=0.05):
        for name, toxics in TOXICS.items():
            wire.poison(**toxics)
            if name in ("reset_peer", "down", "limit_data"):
                wire.cut(reset=name == "reset_peer")
            # A while in which nothing need come about: that is what the poison is.
            threading.Event().wait(1.5)
            wire.heal()
            count = len(visits)
            wait_until(lambda count=count: len(visits) > count)
    site.wait_until_settled()
    for visit in visits:
        site.visitors.probe(visit)
    assert len(visits) >= len(TOXICS)
    assert site.findings(disturbances=len(TOXICS)) == []


def test_the_provider_and_its_workers_are_parted(open_site: OpenSite) -> None:
    """FLT-47: the worker cannot reach the database while people sign out; one truth."""
    site = open_site("postgresql", is_open=False)
    site.start_web()
    wire = site.wire_to_database()
    site.start_worker()
    visits = [site.visitors.sign_in("ada", ["red", "green"]) for _ in range(5)]
    wire.poison(hole=True)
    for visit in visits:
        site.visitors.sign_out(visit)
        assert not any(probe.worked for probe in site.visitors.probe(visit))
    assert not site.history.receipts
    wire.heal()
    site.wait_until_settled()
    assert site.findings() == []


def test_a_name_that_does_not_resolve(open_site: OpenSite) -> None:
    """FLT-38: a host without an address costs its own tries; it is notified once it has one."""
    site = open_site()
    site.curfew("client", "update", "red", "--deliver-to", "https://red.invalid/backchannel-logout")
    visit = site.visitors.sign_in("ada", ["red", "green"])
    site.visitors.sign_out(visit)
    wait_until(lambda: [row for row in site.deliveries() if row["last_outcome"] == "dns"])
    assert not site.history.receipts_of("red")

    site.curfew("client", "update", "red", "--deliver-to", "")
    site.wait_until_settled()
    assert site.findings() == []


def test_an_address_that_is_not_allowed(open_site: OpenSite) -> None:
    """FLT-38: not a packet goes to an address outside of the allowed ones."""
    site = open_site(outbound_allow="127.0.0.1/32", delivery_horizon="10s")
    with socket.create_server(("127.0.0.2", 0)) as trap:
        trap.settimeout(0)
        target = f"http://127.0.0.2:{trap.getsockname()[1]}/backchannel-logout"
        site.database.write(f"UPDATE client SET deliver_to = '{target}' WHERE client_id = 'red'")
        visit = site.visitors.sign_in("ada", ["red", "green"])
        site.visitors.sign_out(visit)
        site.wait_until_settled()
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert {row["rp"]: row["last_outcome"] for row in site.deliveries()}["red"] == "refused"
    assert site.findings(unreachable=frozenset({"red"})) == []


@pytest.mark.parametrize("fault", ["reset in the handshake", "the certificate has expired"])
def test_tls_that_fails_and_is_fixed(open_site: OpenSite, tmp_path: Path, fault: str) -> None:
    """FLT-24, FLT-49: class `tls`, tried again by the schedule, notified once it is fixed."""
    good, expired = make_certificate(tmp_path, days=30), make_certificate(tmp_path, days=-1)
    site = open_site(outbound_ca_bundle=str(bundle(tmp_path, good, expired)))
    with tls_in_front_of(site, good) as front:
        front.certificate = None if "reset" in fault else expired
        uri = f"https://127.0.0.1:{front.port}/backchannel-logout"
        site.curfew("client", "update", "red", "--backchannel-logout-uri", uri)
        visit = site.visitors.sign_in("ada", ["red", "green"])
        site.visitors.sign_out(visit)
        wait_until(lambda: {"tls", "reset"} & {row["last_outcome"] for row in site.deliveries()})

        front.certificate = good
        site.wait_until_settled()
    site.visitors.probe(visit)
    assert site.findings() == []


class TLSFront:
    """Terminates TLS in front of a relying party, with a certificate that can be changed."""

    def __init__(self, target: tuple[str, int], certificate: Path) -> None:
        self.certificate: Path | None = certificate
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            if self.certificate is None:
                # In the middle of the handshake: the greeting has come and gets no response.
                raw.recv(100)
                raw.close()
                continue
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            try:
                with context.wrap_socket(raw, server_side=True) as client:
                    self._exchange(client)
            except OSError:
                raw.close()

    def _exchange(self, client: ssl.SSLSocket) -> None:
        """Pass on one request and its short response."""
        request = b""
        while not _is_whole(request):
            request += client.recv(65536)
        with socket.create_connection(self._target) as server:
            server.sendall(request)
            client.sendall(server.recv(65536))


def _is_whole(request: bytes) -> bool:
    head, gap, body = request.partition(b"\r\n\r\n")
    lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(gap) and len(body) >= int(lengths[0])


@contextmanager
def tls_in_front_of(site: Site, certificate: Path) -> Iterator[TLSFront]:
    front = TLSFront(("127.0.0.1", site.rps["red"].port), certificate)
    try:
        yield front
    finally:
        front.close()


def make_certificate(folder: Path, *, days: int) -> Path:
    """A certificate of its own for 127.0.0.1 that ends so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"red {days}")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"red{days}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path


def bundle(folder: Path, *certificates: Path) -> Path:
    path = folder / "trusted.pem"
    pems = [x509.load_pem_x509_certificate(one.read_bytes()) for one in certificates]
    path.write_bytes(b"".join(pem.public_bytes(serialization.Encoding.PEM) for pem in pems))
    return path
