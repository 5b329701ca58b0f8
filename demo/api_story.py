"""One signed token at two APIs: the bank queries the provider on each call, the archive verifies it itself.

The archive refuses the token once blue, the app that owns the token, has received the Logout Token.
"""

from collections.abc import Mapping

import requests

from demo.browser import TIMEOUT
from demo.proof import TOLD_WITHIN, require, wait_until

ASKS, VERIFIES = "bank", "archive"


class APIStory:
    """Calls with blue's token, which the story has stored; each step returns what was seen."""

    def __init__(self, services: Mapping[str, str], tokens: Mapping[str, Mapping[str, str]]) -> None:
        self._services = services
        self._tokens = tokens

    def both_let_in(self) -> str:
        """Check that both admit the call, and how fresh their knowledge is."""
        seen = []
        for name in (ASKS, VERIFIES):
            response = self._call(name)
            require(response.ok, f"the {name} answers HTTP {response.status_code}")
            mode, _, more = response.headers["Token-Freshness"].partition("; ")
            stale = more.partition("stale-for-at-most=")[2].partition(";")[0]
            seen.append(f"{mode}, {float(stale):.0f} s stale at most")
        return "; ".join(seen)

    def asking_refuses(self) -> str:
        """Check that the bank knows of the sign-out although blue does not, and that the archive does not."""
        refused, accepted = self._call(ASKS), self._call(VERIFIES)
        require(refused.status_code == 401, f"the {ASKS} answers HTTP {refused.status_code}")
        require(accepted.ok, f"the {VERIFIES} answers HTTP {accepted.status_code}")
        return f"HTTP 401 at the {ASKS}; the {VERIFIES} waits for blue's Logout Token"

    def verifying_refuses(self) -> str:
        """Check that the archive has learned of the sign-out from blue's receiver."""
        wait_until(
            lambda: self._call(VERIFIES).status_code == 401, TOLD_WITHIN, f"the {VERIFIES} lets blue in"
        )
        return f"HTTP 401 at the {VERIFIES}"

    def _call(self, name: str) -> requests.Response:
        bearer = {"Authorization": f"Bearer {self._tokens['blue']['access_token']}"}
        return requests.get(f"{self._services[name]}/balance", headers=bearer, timeout=TIMEOUT)
