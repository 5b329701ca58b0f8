"""Apps that ask the provider's iframe whether the session has changed, and their pages."""

import html
import threading
from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import Flask, request

from tests.factories import make_client
from tests.support.relying_party import CHALLENGE
from tests.support.waiting import PATIENCE

# An app's page as Session Management 1.0 §3.1 has it: it asks the OP iframe and shows the response.
POLLING_PAGE = """<!doctype html><title>Red</title>
<p id="said">nothing</p>
<iframe id="op" src="%(iframe)s" hidden></iframe>
<script>
  window.awaited = 0;
  window.addEventListener("message", function (event) {
    if (event.origin !== "%(issuer)s") { return; }
    window.awaited -= 1;
    document.getElementById("said").textContent = event.data;
  });
  function ask(message) {
    window.awaited += 1;
    document.getElementById("op").contentWindow.postMessage(message, "%(issuer)s");
  }
  document.getElementById("op").addEventListener("load", function () {
    window.setInterval(function () { if (!window.own) { ask("%(message)s"); } }, 100);
  });
</script>
"""


@dataclass
class App:
    """A relying party that listens: what its front-channel page was called with, and how it behaves."""

    name: str
    port: int
    issuer: str
    calls: list[dict[str, str]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    hangs: bool = False

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def register(self) -> None:
        make_client(
            self.name,
            redirect_uris=[f"{self.origin}/callback"],
            post_logout_redirect_uris=[f"{self.origin}/signed-out"],
            frontchannel_logout_uri=f"{self.origin}/frontchannel",
            backchannel_logout_uri=None,
            client_uri=None,
        )

    def sign_in_address(self) -> str:
        asked = {
            "client_id": self.name,
            "redirect_uri": f"{self.origin}/callback",
            "response_type": "code",
            "scope": "openid",
            "nonce": "n",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"{self.issuer}/authorize?{urlencode(asked)}"

    def serve(self) -> Flask:
        app = Flask(self.name)

        @app.get("/callback")
        def callback() -> str:
            message = f"{self.name} {request.args.get('session_state', '')}"
            return self.page(message)

        @app.get("/frontchannel")
        def frontchannel() -> str:
            self.calls.append(request.args.to_dict())
            if self.hangs:
                self.release.wait(PATIENCE)
            return "<!doctype html><script>try { top.location = '/stolen'; } catch (e) {}</script>"

        @app.get("/signed-out")
        def signed_out() -> str:
            return "<!doctype html><p id='bye'>bye</p>"

        @app.get("/stranger")
        def stranger() -> str:
            return "<!doctype html><p>a stranger's frame</p>"

        return app

    def page(self, message: str) -> str:
        return POLLING_PAGE % {
            "iframe": f"{self.issuer}/session/check",
            "issuer": self.issuer,
            "message": html.escape(message),
        }
