"""Settings that are unsafe in production; each problem names its setting, the risk and the fix."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from urllib.parse import urlsplit

from provider.config.checks import has_published_key
from provider.config.load import HIDDEN, SettingView
from provider.config.settings import Settings
from provider.config.url_checks import LOOPBACK_HOSTS

# An entry that covers more addresses than a private range of its family (10.0.0.0/8, fc00::/7) is too wide.
_WIDEST = {4: 8, 6: 7}
_OTHERS = 0o077
# Values below the defaults make a copied database cheaper to attack than is recommended today.
_HASHING = ("argon2_memory", "argon2_passes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwise:
    """One thing to change before production."""

    subject: str
    problem: str
    cure: str


def unwise_settings(settings: Settings) -> Iterator[Unwise]:
    """Yield the problems that can be found from the settings alone."""
    yield from _issuer(settings)
    yield from _key(settings)
    yield from _allow_lists(settings)
    yield from _others(settings)


def _issuer(settings: Settings) -> Iterator[Unwise]:
    if not settings.is_https:
        yield Unwise(
            subject="issuer",
            problem=f"{settings.issuer} is http, which works only for browsers on this machine",
            cure="set CURFEW_ISSUER to the https URL that people use",
        )
    if settings.issuer_path:
        yield Unwise(
            subject="issuer",
            problem=f"{settings.issuer} has a path: other services at {settings.issuer_origin} share its "
            "origin, and neighbouring hosts can set its cookies",
            cure="use a separate host for the provider, such as https://id.example",
        )


def _key(settings: Settings) -> Iterator[Unwise]:
    if has_published_key(settings):
        yield Unwise(
            subject="secret_key",
            problem="it is the published one of docker-compose.yml: anyone can open a copy of the database",
            cure="set CURFEW_SECRET_KEY to 32 random bytes in base64url",
        )


def unwise_file(views: Iterable[SettingView], path: Path) -> Iterator[Unwise]:
    """Yield a problem if other users of the machine can read secrets in the settings file."""
    secrets = [view.name for view in views if view.source == "file" and view.value == HIDDEN]
    if secrets and _is_open(path):
        yield Unwise(
            subject=", ".join(secrets),
            problem=f"other users of this machine can read {path}",
            cure=f"chmod 600 {path}",
        )


def _allow_lists(settings: Settings) -> Iterator[Unwise]:
    for network in settings.outbound_networks:
        if why := _why_open(network, is_local=_is_local(settings.issuer)):
            yield Unwise(
                subject="outbound_allow",
                problem=f"{network} {why}",
                cure="name only the networks or hosts of your apps",
            )
    if settings.registration == "open":
        yield Unwise(
            subject="registration",
            problem="anyone can register apps, which this provider then calls and shows to people",
            cure="set CURFEW_REGISTRATION to token or off",
        )


def _why_open(network: IPv4Network | IPv6Network, *, is_local: bool) -> str:
    if network.prefixlen < _WIDEST[network.version]:
        return "allows nearly every address: any registered URL reaches your internal services"
    if network.is_link_local:
        return "allows link-local addresses: registered URLs reach the metadata service of a cloud"
    if network.is_loopback and not is_local:
        return "allows this machine: registered URLs reach services that trust local callers"
    return ""


def _others(settings: Settings) -> Iterator[Unwise]:
    if settings.log_level == "DEBUG":
        yield Unwise(
            subject="log_level", problem="DEBUG is for development", cure="set CURFEW_LOG_LEVEL to INFO"
        )
    broker = urlsplit(settings.broker_url)
    if broker.hostname and broker.hostname not in LOOPBACK_HOSTS and not broker.password:
        yield Unwise(
            subject="broker_url",
            problem=f"the broker at {broker.hostname} is used without a password",
            cure="set a password at the broker and write it into CURFEW_BROKER_URL",
        )
    defaults = {declared.name: declared.default for declared in fields(settings)}
    for name in _HASHING:
        if getattr(settings, name) < defaults[name]:
            yield Unwise(
                subject=name,
                problem=f"{getattr(settings, name)} makes passwords cheap to guess from a copied database",
                cure=f"set at least {defaults[name]}",
            )


def _is_local(issuer: str) -> bool:
    return urlsplit(issuer).hostname in LOOPBACK_HOSTS


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False
