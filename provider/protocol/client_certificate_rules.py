"""A client's certificate: which names may be registered, and whether a certificate fits (rfc8705 §2)."""

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from cryptography import x509
from cryptography.x509.oid import NameOID

from provider.protocol.client_certificate import ClientCertificate
from provider.protocol.client_metadata import ClientMetadata, Problem

TLS_CLIENT_AUTH = "tls_client_auth"
SELF_SIGNED_TLS_CLIENT_AUTH = "self_signed_tls_client_auth"
TLS_METHODS = (TLS_CLIENT_AUTH, SELF_SIGNED_TLS_CLIENT_AUTH)
# Attribute names that tools write in addition to those of rfc4514 §3.
_MORE_NAMES = {
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "E": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
    "GN": NameOID.GIVEN_NAME,
    "SN": NameOID.SURNAME,
}
_DNS_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")
_EMAIL = re.compile(r"[\x21-\x3f\x41-\x7e]+@[A-Za-z0-9.-]+")


def read_subject(text: str) -> x509.Name:
    """Return the distinguished name that a string represents (rfc4514). Raises ValueError."""
    try:
        name = x509.Name.from_rfc4514_string(text, _MORE_NAMES)
    except (ValueError, KeyError, IndexError, TypeError) as exc:
        raise ValueError("is not a distinguished name") from exc
    if not list(name):
        raise ValueError("is empty")
    return name


def problems_of_tls(metadata: ClientMetadata) -> Iterator[Problem]:
    """Yield what is wrong with the metadata for authentication by certificate."""
    given = [name for name in _READERS if getattr(metadata, name) is not None]
    for name in given:
        try:
            _READERS[name](getattr(metadata, name))
        except ValueError:
            yield Problem(name, f"must be {_SENTENCES[name]}")
    # rfc8705 §2.1.2: 'A client using the tls_client_auth authentication method MUST use exactly one'.
    if metadata.token_endpoint_auth_method == TLS_CLIENT_AUTH and not given:
        yield Problem("tls_client_auth_subject_dn", "or a san member is required for tls_client_auth")
    yield from (Problem(name, f"must not be given together with {given[0]}") for name in given[1:])
    if metadata.token_endpoint_auth_method == SELF_SIGNED_TLS_CLIENT_AUTH and metadata.jwks is not None:
        keys = metadata.jwks.get("keys")
        # rfc8705 §2.2.2: the certificate itself is registered, not its key.
        if isinstance(keys, list) and not any(isinstance(key, dict) and key.get("x5c") for key in keys):
            yield Problem("jwks", "must contain a certificate as x5c for self_signed_tls_client_auth")


def is_issued_for(certificate: ClientCertificate, metadata: ClientMetadata) -> bool:
    """Return whether a certificate carries the one name that the client registered (rfc8705 §2.1)."""
    if metadata.tls_client_auth_subject_dn is not None:
        return certificate.subject == read_subject(metadata.tls_client_auth_subject_dn)
    for name, carried in (
        ("tls_client_auth_san_dns", certificate.san_dns),
        ("tls_client_auth_san_uri", certificate.san_uri),
        ("tls_client_auth_san_ip", certificate.san_ip),
        ("tls_client_auth_san_email", certificate.san_email),
    ):
        registered = getattr(metadata, name)
        if registered is not None:
            return _READERS[name](registered) in carried
    return False


def _text_of(pattern: re.Pattern[str], change: Callable[[str], str] = str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError
        return change(text)

    return read


_READERS: dict[str, Callable[[str], object]] = {
    "tls_client_auth_subject_dn": read_subject,
    "tls_client_auth_san_dns": _text_of(_DNS_NAME, str.lower),
    "tls_client_auth_san_uri": _text_of(_URI),
    "tls_client_auth_san_ip": ip_address,
    "tls_client_auth_san_email": _text_of(_EMAIL),
}
_SENTENCES = {
    "tls_client_auth_subject_dn": "a distinguished name like CN=red,O=Red Ltd (rfc4514)",
    "tls_client_auth_san_dns": "a DNS name without wildcard",
    "tls_client_auth_san_uri": "a URI",
    "tls_client_auth_san_ip": "an IP address",
    "tls_client_auth_san_email": "an e-mail address",
}
