"""The settings of the gate, each declared once with its reader; all wrong ones are reported together.

They come from a TOML file and from the environment, which takes precedence: `CURFEW_RP_GATE_ISSUER` and the
like. Rules can only be in the file.
"""

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from curfew_rp.gate import values
from curfew_rp.gate.rules import Rule
from curfew_rp.gate.values import WrongValue

ENVIRONMENT = "CURFEW_RP_GATE_"
_SECRET = ("client_secret", "store", "identity_key")
_FILE_SIZE_LIMIT = 1024 * 1024


class WrongSettings(Exception):
    """The gate cannot start with these settings; `problems` has a line for each of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _setting(read: Callable[[object], Any], default: Any = MISSING, *, is_shown: bool = True) -> Any:
    return field(default=default, repr=is_shown, metadata={"read": read})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings that `docs/connect/gate.md` describes."""

    issuer: str = _setting(values.url)
    client_id: str = _setting(values.text)
    client_secret: str = _setting(values.secret, is_shown=False)
    origins: tuple[str, ...] = _setting(values.origins)
    store: str = _setting(values.store, is_shown=False)
    scope: str = _setting(values.scope, "openid profile email")
    prefix: str = _setting(values.prefix, "/_gate")
    cookie_name: str = _setting(values.cookie_name, "curfew_gate")
    cookie_domain: str | None = _setting(values.domain, None)
    idle_lifetime: timedelta = _setting(values.span, timedelta(hours=2))
    session_lifetime: timedelta = _setting(values.span, timedelta(hours=12))
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = _setting(
        values.networks, values.networks("127.0.0.0/8, ::1")
    )
    user_claim: str = _setting(values.text, "sub")
    groups_claim: str = _setting(values.text, "groups")
    accept_unverified_email: bool = _setting(values.flag, default=False)
    identity_key: str | None = _setting(values.private_key, None, is_shown=False)
    ca_bundle: str | None = _setting(values.file, None)
    rules: tuple[Rule, ...] = _setting(values.rules, ())

    @property
    def is_https(self) -> bool:
        """Whether browsers use https; if so, cookies are only for https."""
        return self.origins[0].startswith("https://")

    @property
    def hosts(self) -> dict[str, str]:
        """The origins by their host, as in the Host header."""
        return {urlsplit(origin).netloc: origin for origin in self.origins}

    def sign_in_origin(self, origin: str) -> str:
        """Return the origin at which people sign in: with a cookie for the domain, always the first."""
        return self.origins[0] if self.cookie_domain else origin


def read_settings(path: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of a file and the environment; raises WrongSettings."""
    given = _read_file(path) if path else {}
    for name, value in environ.items():
        if name.startswith(ENVIRONMENT) and name != f"{ENVIRONMENT}CONFIG":
            given[name.removeprefix(ENVIRONMENT).lower()] = value
    problems: list[str] = []
    _read_secret_files(given, problems)
    read = _read_all(given, problems)
    if not problems:
        problems += _contradictions(Settings(**read))
    if problems:
        raise WrongSettings(problems)
    return Settings(**read)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.loads(file.read(_FILE_SIZE_LIMIT).decode())
    except OSError as exc:
        raise WrongSettings([f"{path}: {exc.strerror}"]) from exc
    except ValueError as exc:
        raise WrongSettings([f"{path}: {exc}"]) from exc


def _read_secret_files(given: dict[str, Any], problems: list[str]) -> None:
    """Replace `client_secret_file` and the like by the contents of the file."""
    for name in _SECRET:
        if (file := given.pop(f"{name}_file", None)) is None:
            continue
        if name in given:
            problems.append(f"{name} and {name}_file exclude each other")
        try:
            given[name] = Path(str(file)).read_text().strip()
        except (OSError, ValueError) as exc:
            problems.append(f"{name}_file: {file}: {getattr(exc, 'strerror', None) or 'not a text'}")
            given.setdefault(name, None)


def _read_all(given: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    known = {each.name: each for each in fields(Settings)}
    for name in given.keys() - known.keys():
        meant = difflib.get_close_matches(name, known, n=1)
        problems.append(f"unknown setting {name}" + (f"; did you mean {meant[0]}?" if meant else ""))
    read = {}
    for name, each in known.items():
        if name not in given:
            if each.default is MISSING:
                problems.append(f"{name} is missing")
        elif given[name] is not None:
            try:
                read[name] = each.metadata["read"](given[name])
            except WrongValue as exc:
                problems.append(f"{name} {exc}")
    return read


def _contradictions(settings: Settings) -> list[str]:
    found = []
    if settings.idle_lifetime > settings.session_lifetime:
        found.append("idle_lifetime must not be longer than session_lifetime")
    if "openid" not in settings.scope.split():
        found.append("scope must contain openid")
    hosts = {urlsplit(origin).hostname or "" for origin in settings.origins}
    domain = settings.cookie_domain
    if domain and not all(host == domain or host.endswith(f".{domain}") for host in hosts):
        found.append("cookie_domain must be the domain of all origins")
    unknown = {host for rule in settings.rules for host in rule.hosts} - settings.hosts.keys()
    found += [f"rules name the host {host}, which is not that of an origin" for host in sorted(unknown)]
    return found
