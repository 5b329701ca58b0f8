"""Read the value of a setting from TOML, or from an environment variable, which is always a string."""

import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from curfew_rp.gate.rules import Access, Rule

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_STORES = ("redis://", "rediss://", "unix://", "sqlite:///", "postgresql")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?|\[[0-9a-f:.]+\](:\d{1,5})?")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TEXT_LIMIT = 1024
_SHORTEST_SECRET = 16


class WrongValue(Exception):
    """The value of a setting is wrong; the message is shown after its name."""


def text(value: object) -> str:
    """Read a string of one line."""
    if not isinstance(value, str) or not value or len(value) > _TEXT_LIMIT or not value.isprintable():
        raise WrongValue("must be a text in one line")
    return value


def secret(value: object) -> str:
    """Read a secret that cannot be guessed, because it signs the cookies of sign-ins."""
    if len(text(value)) < _SHORTEST_SECRET:
        raise WrongValue(f"must have at least {_SHORTEST_SECRET} characters")
    return text(value)


def url(value: object) -> str:
    """Read the URL of a provider."""
    read = text(value)
    try:
        parts = urlsplit(read)
        is_usable = bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)
    except ValueError:
        is_usable = False
    if not is_usable or not _is_private_enough(read):
        raise WrongValue("must be an https URL without a query; http only for this machine")
    return read


def origins(value: object) -> tuple[str, ...]:
    """Read the origins at which browsers find the apps: scheme and host, without a path."""
    read = tuple(dict.fromkeys(one.rstrip("/").lower() for one in texts(value)))
    for one in read:
        scheme, _, host = one.partition("://")
        if scheme not in {"https", "http"} or not _HOST.fullmatch(host) or not _is_private_enough(one):
            raise WrongValue(f"must be like https://app.example; http only for this machine: {one}")
        if host.endswith(":443" if scheme == "https" else ":80"):
            raise WrongValue(f"must not name the usual port: {one}")
    if len({one.partition("://")[0] for one in read}) != 1:
        raise WrongValue("must be all https or all http, and at least one")
    return read


def _is_private_enough(read: str) -> bool:
    """Return whether the traffic is private: by https, or because it stays on this machine."""
    parts = urlsplit(read)
    host = parts.hostname or ""
    try:
        is_local = ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost" or host.endswith(".localhost")
    return parts.scheme == "https" or (parts.scheme == "http" and is_local)


def store(value: object) -> str:
    """Read the URL of a store that several processes can share."""
    read = text(value)
    if not read.startswith(_STORES):
        raise WrongValue("must begin with redis://, rediss://, unix://, sqlite:/// or postgresql+psycopg://")
    return read


def scope(value: object) -> str:
    """Read scopes, separated by spaces."""
    return " ".join(texts(value))


def prefix(value: object) -> str:
    """Read the path prefix of the gate's own pages."""
    read = text(value).rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9_-]+)+", read):
        raise WrongValue("must be a path like /_gate")
    return read


def cookie_name(value: object) -> str:
    """Read the name of the cookie, without the prefix that browsers enforce."""
    if not _TOKEN.fullmatch(text(value)):
        raise WrongValue("must be letters, digits, - and _")
    return text(value)


def domain(value: object) -> str:
    """Read the common domain of the apps."""
    read = text(value).removeprefix(".").lower()
    if not _HOST.fullmatch(read) or ":" in read or "." not in read:
        raise WrongValue("must be a domain like example.com")
    return read


def span(value: object) -> timedelta:
    """Read a span such as 90s, 30m, 12h or 7d."""
    read = re.fullmatch(r"(\d{1,6})([smhd])", str(value))
    if not read or int(read[1]) == 0:
        raise WrongValue("must be a span like 30m or 12h")
    return timedelta(seconds=int(read[1]) * _UNITS[read[2]])


def networks(value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    """Read addresses and networks."""
    try:
        return tuple(ip_network(one) for one in texts(value))
    except ValueError as exc:
        raise WrongValue(f"must be addresses or networks: {exc}") from exc


def private_key(value: object) -> str:
    """Read a private key in PEM that can sign JWTs."""
    try:
        key = load_pem_private_key(str(value).encode(), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as exc:
        raise WrongValue("must be a private key in PEM without a password") from exc
    is_p256 = isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)
    if not is_p256 and not isinstance(key, Ed25519PrivateKey):
        raise WrongValue("must be a key of the curve P-256 or Ed25519")
    return str(value)


def flag(value: object) -> bool:
    """Read true or false."""
    read = {"true": True, "false": False}.get(str(value).lower())
    if read is None:
        raise WrongValue("must be true or false")
    return read


def file(value: object) -> str:
    """Read the name of an existing file."""
    if not Path(text(value)).is_file():
        raise WrongValue(f"must be an existing file: {value}")
    return text(value)


def texts(value: object) -> tuple[str, ...]:
    """Read a list of strings, or one string whose items are separated by commas or spaces."""
    several = re.split(r"[,\s]+", value.strip(" ,")) if isinstance(value, str) else value
    if not isinstance(several, list) or not several:
        raise WrongValue("must be a list of texts")
    return tuple(map(text, several))


def rules(value: object) -> tuple[Rule, ...]:
    """Read the tables `[[rules]]`, in their order."""
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise WrongValue("must be tables: [[rules]]")
    return tuple(_rule(number, each) for number, each in enumerate(value, start=1))


def _rule(number: int, given: Mapping[str, Any]) -> Rule:
    readers = {
        "path": _path,
        "hosts": lambda value: frozenset(map(str.lower, texts(value))),
        "methods": lambda value: frozenset(map(str.upper, texts(value))),
        "access": _access,
        "groups": _several,
        "scopes": _several,
        "acr_values": lambda value: tuple(_several_in_order(value)),
        "claims": _claims,
    }
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name not in readers:
            raise WrongValue(f"number {number}: unknown key {name}; a rule has {', '.join(readers)}")
        try:
            read[name] = readers[name](value)
        except WrongValue as exc:
            raise WrongValue(f"number {number}: {name} {exc}") from exc
    rule = Rule(**read)
    if rule.access is Access.PUBLIC and (rule.groups or rule.scopes or rule.acr_values or rule.claims):
        raise WrongValue(f"number {number}: a public rule cannot ask for anything")
    return rule


def _path(value: object) -> str:
    if not re.fullmatch(r"/[^?#%\\;\s]*", text(value)) or "//" in text(value):
        raise WrongValue("must be a decoded path such as /api/; a slash at its end means all below it")
    return text(value)


def _access(value: object) -> Access:
    try:
        return Access(value)
    except ValueError as exc:
        raise WrongValue(f"must be {', '.join(each.value for each in Access)}") from exc


def _several(value: object) -> frozenset[str]:
    return frozenset(_several_in_order(value))


def _several_in_order(value: object) -> list[str]:
    """Read a list; names of groups may contain spaces and commas, so a string is a single item."""
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list) or not several:
        raise WrongValue("must be a list of texts")
    return [text(each) for each in several]


def _claims(value: object) -> dict[str, frozenset[str]]:
    if not isinstance(value, Mapping) or not value:
        raise WrongValue("must be a table of a claim and its values")
    return {claim: _several(allowed) for claim, allowed in value.items()}
