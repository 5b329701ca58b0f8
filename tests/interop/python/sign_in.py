"""idpyoidc: discovers the provider, signs a person in and out, and understands the Logout Token.

Runs in an environment of its own and speaks with the test as `tests/interop/foreign.py` says.
"""

import json
import os
import sys
import tempfile

from idpyoidc.client.oauth2.stand_alone_client import backchannel_logout
from idpyoidc.client.rp_handler import RPHandler

facts = json.loads(sys.argv[1])
REQUEST = {"scope": ["openid", "email", "offline_access"], "prompt": "consent"}


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def ask(**what):
    say(**what)
    return json.loads(sys.stdin.readline())


def configuration():
    """Return what the printed recipe makes."""
    os.environ["CURFEW_CLIENT_SECRET"] = facts["secret"]
    recipe = {}
    exec(compile(facts["recipe"], "configuration.py", "exec"), recipe)
    return recipe["CONFIGURATION"]


def play(folder):
    keys = {
        "private_path": f"{folder}/keys.json",
        "key_defs": [{"type": "EC", "crv": "P-256", "use": ["sig"]}],
    }
    handler = RPHandler(
        base_url=facts["url"], client_configs={facts["issuer"]: configuration()}, key_conf=keys
    )
    begun = handler.begin(facts["issuer"], req_args=REQUEST)
    arrived = ask(open=begun if isinstance(begun, str) else begun["url"])["query"]
    # Checks the state, the issuer, the ID Token with its nonce, and that userinfo is of the same person.
    found = handler.finalize(facts["issuer"], arrived)
    assert "error" not in found, found
    state = found["state"]
    client = handler.get_client_from_session_key(state)
    refreshed = handler.refresh_access_token(state)
    left = ask(open=handler.logout(state, post_logout_redirect_uri=f"{facts['url']}/signed-out")["url"])
    token = ask(receive="/idpy/backchannel-logout")
    ended = backchannel_logout(client, request_args=token)
    result = {
        "email": found["userinfo"]["email"],
        "refreshed": "access_token" in refreshed,
        "left": left["arrived"],
        "ended": ended == state,
    }
    say(result=result)


with tempfile.TemporaryDirectory() as folder:
    play(folder)
