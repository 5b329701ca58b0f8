"""idpyoidc: discovers the provider, signs a person in and out, and understands the Logout Token.

Runs in an environment of its own and speaks with the test as `tests/interop/foreign.py` says.
"""

import json
import sys
import tempfile

from idpyoidc.client.defaults import DEFAULT_OIDC_SERVICES
from idpyoidc.client.oauth2.stand_alone_client import backchannel_logout
from idpyoidc.client.rp_handler import RPHandler

told = json.loads(sys.argv[1])
SERVICES = DEFAULT_OIDC_SERVICES | {"end_session": {"class": "idpyoidc.client.oidc.end_session.EndSession"}}
REQUEST = {"scope": ["openid", "email", "offline_access"], "prompt": "consent"}
PKCE = {
    "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
}


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def ask(**what):
    say(**what)
    return json.loads(sys.stdin.readline())


def configuration():
    # It could register itself, but does not understand an answer whose `scope` holds several words.
    return {
        "client_type": "oidc",
        "issuer": told["issuer"],
        "client_id": told["client_id"],
        "client_secret": told["client_secret"],
        "redirect_uris": told["redirect_uris"],
        "post_logout_redirect_uris": told["post_logout_redirect_uris"],
        "backchannel_logout_uri": told["backchannel_logout_uri"],
        "backchannel_logout_session_required": True,
        "response_types": ["code"],
        "scopes_supported": REQUEST["scope"],
        "token_endpoint_auth_method": "client_secret_basic",
        "client_authn_methods": ["client_secret_basic", "bearer_header"],
        "id_token_signed_response_alg": "RS256",
        "services": SERVICES,
        "add_ons": {"pkce": PKCE},
    }


def play(folder):
    keys = {
        "private_path": f"{folder}/keys.json",
        "key_defs": [{"type": "EC", "crv": "P-256", "use": ["sig"]}],
    }
    handler = RPHandler(base_url=told["url"], client_configs={told["issuer"]: configuration()}, key_conf=keys)
    begun = handler.begin(told["issuer"], req_args=REQUEST)
    arrived = ask(open=begun if isinstance(begun, str) else begun["url"])["query"]
    # Checks the state, the issuer, the ID Token with its nonce, and that userinfo is of the same person.
    found = handler.finalize(told["issuer"], arrived)
    assert "error" not in found, found
    state = found["state"]
    client = handler.get_client_from_session_key(state)
    refreshed = handler.refresh_access_token(state)
    left = ask(
        open=handler.logout(state, post_logout_redirect_uri=told["post_logout_redirect_uris"][0])["url"]
    )
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
