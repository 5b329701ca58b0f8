"""A client's X.509 certificate as a proxy forwards it (rfc8705, rfc9440): read once, then only compared.

Only the proxy knows whether it was presented in a TLS handshake, and whether it was verified.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

# Enough for a certificate of a 4096-bit RSA key with many names and every byte percent-encoded.
LARGEST = 24 * 1024
_PEM_BEGIN, _PEM_END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


# Raised by the library for encodings that it cannot read; InvalidVersion is not a ValueError.
_UNREADABLE = (
    *(ValueError, TypeError, OverflowError),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)


class MalformedCertificate(ValueError):
    """The text is not one certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """The digest of a certificate and the names it was issued for."""

    # rfc8705 §3.1: x5t#S256, the SHA-256 of the DER encoding in base64url.
    thumbprint: str
    subject: x509.Name
    san_dns: frozenset[str] = frozenset()
    san_uri: frozenset[str] = frozenset()
    san_ip: frozenset[IPv4Address | IPv6Address] = frozenset()
    san_email: frozenset[str] = frozenset()
    # Whether the proxy says that it verified the chain up to a trusted authority (rfc8705 §2.1).
    is_verified: bool = False


def read_certificate(text: str, *, is_verified: bool = False) -> ClientCertificate:
    """Read a header's value: percent-encoded PEM, or base64 of the DER with or without colons (rfc9440 §2).

    Raises MalformedCertificate for anything else, and for more than one certificate.
    """
    if len(text) > LARGEST:
        raise MalformedCertificate(f"the certificate is longer than {LARGEST} characters")
    try:
        der = _der_of(text)
        certificate = x509.load_der_x509_certificate(der)
        return _described(certificate, is_verified=is_verified)
    except _UNREADABLE as exc:
        raise MalformedCertificate("the certificate cannot be read") from exc


def thumbprint_of(der: bytes) -> str:
    """Return a certificate's x5t#S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")


def _der_of(text: str) -> bytes:
    if text.startswith(":") and text.endswith(":") and len(text) > 1:
        text = text[1:-1]
    elif "%" in text or "-" in text:
        text = _body_of_pem(unquote_to_bytes(text))
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise MalformedCertificate("the certificate is not base64") from exc


def _body_of_pem(pem: bytes) -> str:
    body = pem.strip()
    if not (body.startswith(_PEM_BEGIN) and body.endswith(_PEM_END)) or body.count(_PEM_BEGIN) != 1:
        raise MalformedCertificate("the certificate is not one PEM block")
    return b"".join(body[len(_PEM_BEGIN) : -len(_PEM_END)].split()).decode("ascii", "replace")


def _described(certificate: x509.Certificate, *, is_verified: bool) -> ClientCertificate:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    return ClientCertificate(
        thumbprint=thumbprint_of(certificate.public_bytes(Encoding.DER)),
        subject=certificate.subject,
        san_dns=frozenset(name.lower() for name in names.get_values_for_type(x509.DNSName)),
        san_uri=frozenset(names.get_values_for_type(x509.UniformResourceIdentifier)),
        # A network, which is allowed only in name constraints, is not an address.
        san_ip=frozenset(
            ip
            for ip in names.get_values_for_type(x509.IPAddress)
            if isinstance(ip, IPv4Address | IPv6Address)
        ),
        san_email=frozenset(names.get_values_for_type(x509.RFC822Name)),
        is_verified=is_verified,
    )
