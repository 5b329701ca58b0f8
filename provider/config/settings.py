"""The settings in use: the declared ones, once they are checked, and values derived from them."""

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from provider.config.checks import WrongSettings, problems_of
from provider.config.declared_settings import DeclaredSettings
from provider.config.values import as_network


@dataclass(frozen=True, kw_only=True)
class Settings(DeclaredSettings):
    """The provider's settings. Raises WrongSettings if `checks` finds a problem."""

    def __post_init__(self) -> None:
        problems = list(problems_of(self))
        if problems:
            raise WrongSettings(problems)

    @cached_property
    def is_https(self) -> bool:
        """Whether people reach the provider over https, so that cookies can require it."""
        return self.issuer.startswith("https://")

    @cached_property
    def cookie_prefix(self) -> str:
        """The prefix of our cookies' names, which makes browsers refuse them from plain http (THR-23).

        `__Host-` also makes browsers refuse them from any other host, but requires the path `/`.
        """
        if not self.is_https:
            return ""
        return "__Secure-" if self.issuer_path else "__Host-"

    @cached_property
    def issuer_path(self) -> str:
        """The path below which people reach the provider; empty if it has a host of its own."""
        return urlsplit(self.issuer).path

    @cached_property
    def issuer_origin(self) -> str:
        """The issuer without its path."""
        return self.issuer.removesuffix(self.issuer_path)

    @property
    def mtls_issuer(self) -> str:
        """The issuer's address for clients that present a certificate; empty if there is none."""
        return self.mtls_origin and self.mtls_origin + self.issuer_path

    @property
    def resolved_database_url(self) -> str:
        """The database in use: the configured one, or SQLite in the data folder."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'curfew.sqlite3').resolve()}"

    @property
    def outbound_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The allow-list's networks."""
        return tuple(n for n in map(as_network, self.outbound_allow) if n is not None)

    @property
    def outbound_hosts(self) -> tuple[str, ...]:
        """The allow-list's host names."""
        return tuple(entry.lower() for entry in self.outbound_allow if as_network(entry) is None)
