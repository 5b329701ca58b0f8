"""The browser of a sign-in, as its request shows it."""

from dataclasses import dataclass, field

from provider.infrastructure.network_limits import networks_of
from provider.sessions.queries import FoundSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """One browser: where it is, what it is called, and what its cookies prove."""

    ip: str | None
    device: str
    # The live session of its cookie.
    session: FoundSession | None = field(default=None, repr=False)
    # Proofs that people have signed in there before, see `browser_proof`.
    proofs: tuple[str, ...] = field(default=(), repr=False)

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that limits count by."""
        return networks_of(self.ip)
