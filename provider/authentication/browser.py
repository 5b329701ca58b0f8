"""The browser of a sign-in, as described by its request."""

from dataclasses import dataclass, field

from provider.infrastructure.network_limits import networks_of
from provider.sessions.queries import FoundSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """One browser: its address, its name, and what its cookies prove."""

    ip: str | None
    device: str
    # The live session that its cookie names.
    session: FoundSession | None = field(default=None, repr=False)
    # Proofs that people have signed in with it before; see `browser_proof`.
    proofs: tuple[str, ...] = field(default=(), repr=False)

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks by which limits are counted."""
        return networks_of(self.ip)
