"""A command line on a device without a browser: signs a person in with a code, and out again (rfc8628).

    python -m relying_party_demo.device --issuer http://localhost:8900 --client-id tv

It ends when the person signs the device out elsewhere; Ctrl-C signs it out from here.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import requests

from curfew_rp.errors import ProviderUnreachable
from curfew_rp.provider_keys import Document, ProviderKeys
from relying_party_demo.wire import TIMEOUT

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
# rfc8628 §3.2, §3.5: the default interval, and by how much slow_down lengthens it.
USUAL_INTERVAL = 5
LONGER_BY = 5
# How often a signed-in device checks that it still is; a sign-out elsewhere is noticed within this time.
SECONDS_BETWEEN_LOOKS = 5.0


class NotSignedIn(Exception):
    """The person was not signed in; the message says why."""


@dataclass(kw_only=True)
class Device:
    """One device that shows text and can wait."""

    provider: ProviderKeys
    client_id: str
    scope: str = "openid profile offline_access"
    ca_bundle: Path | None = None
    screen: TextIO = field(default_factory=lambda: sys.stdout)
    wait: Callable[[float], None] = time.sleep
    tokens: Document = field(default_factory=dict, repr=False)

    def sign_in(self) -> None:
        """Show the code and poll until a person has decided. Raises NotSignedIn."""
        status, begun = self._post("device_authorization_endpoint", scope=self.scope)
        if status != requests.codes.ok:
            raise NotSignedIn(_reason(begun))
        self.show(f"Open {begun['verification_uri']} in a browser and enter the code {begun['user_code']}")
        interval = int(begun.get("interval", USUAL_INTERVAL))
        self.tokens = self._ask_until_answered(str(begun["device_code"]), interval)

    def stay(self) -> None:
        """Stay signed in until the provider says that this has ended; a missing response does not count."""
        while True:
            if self._person() is None and not self._refresh():
                return
            self.wait(SECONDS_BETWEEN_LOOKS)

    def greet(self) -> None:
        """Show who is signed in."""
        person = self._person() or {}
        self.show(f"Signed in as {person.get('name') or person.get('sub')}. Ctrl-C signs out.")

    def sign_out(self) -> None:
        """Revoke the token, which ends the device's session (rfc7009)."""
        token = self.tokens.get("refresh_token") or self.tokens["access_token"]
        self._post("revocation_endpoint", token=str(token))
        self.show("Signed out.")

    def show(self, sentence: str) -> None:
        """Show a line of text."""
        self.screen.write(f"{sentence}\n")
        self.screen.flush()

    def _ask_until_answered(self, device_code: str, interval: int) -> Document:
        while True:
            status, response = self._post("token_endpoint", grant_type=GRANT_TYPE, device_code=device_code)
            if status == requests.codes.ok:
                return response
            match response.get("error"):
                case "authorization_pending":
                    pass
                case "slow_down":
                    interval += LONGER_BY
                case _:
                    raise NotSignedIn(_reason(response))
            self.wait(interval)

    def _refresh(self) -> bool:
        """Return whether the sign-in is still live; only a refusal shows that it is not."""
        refresh_token = self.tokens.get("refresh_token")
        if refresh_token is None:
            return False
        form = {"grant_type": "refresh_token", "refresh_token": str(refresh_token)}
        status, response = self._post("token_endpoint", **form)
        if status == requests.codes.ok:
            self.tokens = self.tokens | response
        return status not in (requests.codes.bad_request, requests.codes.unauthorized)

    def _person(self) -> Document | None:
        """Return the provider's claims about the person; None if it refuses the token."""
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        status, person = self._send("GET", "userinfo_endpoint", headers=headers)
        return None if status == requests.codes.unauthorized else person

    def _post(self, endpoint: str, **form: str) -> tuple[int, Document]:
        return self._send("POST", endpoint, form={"client_id": self.client_id, **form})

    def _send(
        self,
        method: str,
        endpoint: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Document]:
        with requests.Session() as session:
            # Connect to the provider directly, not through a proxy from the environment.
            session.trust_env = False
            session.verify = str(self.ca_bundle) if self.ca_bundle else True
            session.headers["User-Agent"] = "CurfewDevice/1"
            try:
                response = session.request(
                    method, self.provider.endpoint(endpoint), data=form, headers=headers, timeout=TIMEOUT
                )
                document = response.json() if response.content else {}
            except requests.RequestException as exc:
                raise ProviderUnreachable("the provider does not answer") from exc
        return response.status_code, document if isinstance(document, dict) else {}


def _reason(response: Document) -> str:
    return str(response.get("error_description") or response.get("error") or "the provider refused")


def arguments() -> argparse.ArgumentParser:
    """Declare the options, each with its meaning."""
    parser = argparse.ArgumentParser(
        prog="python -m relying_party_demo.device", description="Signs a person in on a device by a code."
    )
    add = parser.add_argument
    add("--issuer", required=True, help="issuer of the OpenID Provider, exactly as in its tokens")
    add("--client-id", required=True, help="client_id this device is registered with, as a public client")
    add("--scope", default=Device.scope, help="scope to ask for (default: %(default)s)")
    add("--ca-bundle", type=Path, help="certificates to trust when calling the provider")
    return parser


def main() -> int:
    """Sign in, stay, and sign out; exit code 1 if the sign-in failed."""
    given = arguments().parse_args()
    device = Device(
        provider=ProviderKeys(given.issuer, ca_bundle=given.ca_bundle),
        client_id=given.client_id,
        scope=given.scope,
        ca_bundle=given.ca_bundle,
    )
    try:
        device.sign_in()
        device.greet()
    except (NotSignedIn, ProviderUnreachable) as exc:
        device.show(f"Not signed in: {exc}")
        return 1
    except KeyboardInterrupt:
        return 1
    try:
        device.stay()
    except KeyboardInterrupt:
        device.sign_out()
    else:
        device.show("Signed out from elsewhere.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
