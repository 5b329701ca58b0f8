"""The kit as an installed wheel: an app that refuses what is no Logout Token, and the command.

Run by the Python of an environment that holds the wheel, Flask and Authlib, and nothing of the server;
`make wheel-check` does so.
"""

import subprocess
import sys
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

from flask import Flask

import curfew_rp
from curfew_rp.flask import CurfewRP


def main() -> None:
    """Try it, and say what was done."""
    apart = ("provider", "demo", "relying_party_demo", "tests", "redis", "sqlalchemy", "django", "starlette")
    assert not [name for name in apart if find_spec(name)], "the wheel brings more than the kit"
    assert Path(curfew_rp.__file__).is_relative_to(sys.prefix), "this is the checkout"
    assert {"py.typed"} <= {path.name for path in distribution("curfew-rp").files or ()}
    app = Flask(__name__)
    app.secret_key = "a secret of the app's own"
    CurfewRP(app, issuer="https://id.example", client_id="shop", store="memory:")
    response = app.test_client().post("/backchannel-logout", data={"logout_token": "a.b.c"})
    assert (response.status_code, response.json["error"]) == (400, "invalid_request"), response.data
    command = Path(sys.executable).with_name("curfew-rp")
    help_text = subprocess.run(
        [command, "probe", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "--end-url" in help_text
    print("curfew-rp: installed by itself, and refuses what is no Logout Token")


if __name__ == "__main__":
    main()
