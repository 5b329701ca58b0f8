"""Certificates of clients, how proxies write them into a header, and one for a server of this machine."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

# The settings of a provider behind one proxy that passes certificates on, and says whether it verified them.
BEHIND_PROXY = {
    "trusted_proxies": 1,
    "client_certificate_header": "XClientCert",
    "client_certificate_verified_header": "XClientVerify",
}


@dataclass(frozen=True)
class Shown:
    """A certificate, in the forms that tests need it in."""

    der: bytes

    @property
    def pem(self) -> str:
        return x509.load_der_x509_certificate(self.der).public_bytes(Encoding.PEM).decode()

    @property
    def escaped(self) -> str:
        return quote(self.pem, safe="")

    @property
    def x5c(self) -> str:
        return b64encode(self.der).decode()

    def headers(self, *, verified: str = "SUCCESS") -> dict[str, str]:
        """Return the headers that the proxy of BEHIND_PROXY adds to a request."""
        return {
            "X-Forwarded-For": "192.0.2.1",
            "XClientCert": self.escaped,
            "XClientVerify": verified,
        }


def make_certificate(subject: str = "CN=red,O=Red Ltd", *names: x509.GeneralName, key=None) -> Shown:
    """A self-signed certificate; the tests' proxy says of any that it was verified, or not."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name.from_rfc4514_string(subject), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Shown(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))


def localhost_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for localhost, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    shown = make_certificate("CN=localhost", *names, key=key)
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_text(shown.pem)
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cert_file, key_file
