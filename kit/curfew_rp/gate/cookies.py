"""The cookies of the gate: one for the session, and one for each sign-in under way."""

from curfew_rp.gate.attempts import LIFETIME
from curfew_rp.gate.messages import Request
from curfew_rp.gate.settings import Settings


class Cookies:
    """Names and writes cookies; browsers enforce the prefixes of their names (rfc6265bis, THR-57)."""

    def __init__(self, settings: Settings) -> None:
        self._secure = "; Secure" if settings.is_https else ""
        self._domain = f"; Domain={settings.cookie_domain}" if settings.cookie_domain else ""
        host_only = "__Host-" if settings.is_https else ""
        shared = "__Secure-" if settings.is_https else ""
        self.session_name = (shared if settings.cookie_domain else host_only) + settings.cookie_name
        # Always for one host: another host of the domain must not plant a sign-in of its own.
        self.attempt_prefix = f"{host_only}{settings.cookie_name}_try_"

    def session(self, request: Request) -> str | None:
        """Return the value of the session's cookie."""
        return request.cookies().get(self.session_name)

    def keep_session(self, handle: str) -> tuple[str, str]:
        """Write the session's cookie, which browsers forget when they close."""
        return self._write(self.session_name, handle, self._domain)

    def drop_session(self) -> tuple[str, str]:
        """Remove the session's cookie."""
        return self._write(self.session_name, "", f"{self._domain}; Max-Age=0")

    def keep_attempt(self, name: str, value: str) -> tuple[str, str]:
        """Write the cookie of a sign-in under way."""
        return self._write(name, value, f"; Max-Age={int(LIFETIME.total_seconds())}")

    def drop_attempt(self, name: str) -> tuple[str, str]:
        """Remove the cookie of a sign-in."""
        return self._write(name, "", "; Max-Age=0")

    def _write(self, name: str, value: str, attributes: str) -> tuple[str, str]:
        return "Set-Cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{self._secure}{attributes}"
