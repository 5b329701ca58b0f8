"""A protected API as a process, in each freshness mode, and how soon it refuses after a logout."""

import logging
import os
import re
from contextlib import ExitStack
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from curfew_rp import probe
from curfew_rp.probe import Tokens
from demo.browser import Browser
from tests.faults.site import PASSWORD
from tests.kit.apps import KINDS, Kind, starting
from tests.support.demo import free_run
from tests.support.relying_party import CHALLENGE, VERIFIER
from tests.support.waiting import PATIENCE

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("kit apps")]
ROUNDS = int(os.environ.get("CURFEW_TEST_ROUNDS", "2"))
# Longer than what is measured by far: these tests are about what is refused, not about a machine's load.
AT_MOST_SECONDS = {"ask": 2.0, "ask-5": 8.0, "signed": 30.0}
SECRET = "a-secret-that-both-clients-have-0123456789"
API = Kind(".", "wsgi", "api:app")


def audience_of(mode):
    return f"https://{mode}.example/"


@pytest.fixture(scope="module")
def shop(site):
    """The address of an app that is registered for the APIs."""
    # The ports behind it are the APIs'.
    url = f"http://127.0.0.1:{free_run(1 + len(AT_MOST_SECONDS))}"
    add = ["client", "add", "--client-secret", SECRET, "--client-id"]
    commands = [[*add, "orders-api", "--grant-type", "client_credentials", "--scope", "orders"]]
    for mode in AT_MOST_SECONDS:
        form = ["--access-token-format", "jwt"] if mode == "signed" else ["--client-id", "orders-api"]
        commands.append(["resource", "add", audience_of(mode), "--scope", "orders", *form])
    addresses = [f"{url}/callback", "--backchannel-logout-uri", f"{url}/backchannel-logout"]
    scope = ["--scope", "openid profile orders"]
    commands.append([*add, "shop", "--first-party", *scope, "--redirect-uri", *addresses])
    for command in commands:
        site.curfew(*command)
    return url


@pytest.fixture(scope="module")
def apis(site, shop, valkey, warm_granian, tmp_path_factory):
    """The addresses of the APIs by mode; the app beside them hears of logouts."""
    shared = {
        "ISSUER": site.issuer,
        "STORE": valkey,
        "NO_PROXY": "*",
        "CLIENT_SECRET": SECRET,
        "APP_SECRET": "a secret of the app's own",
    }
    with ExitStack() as stack:
        app = shared | {"CLIENT_ID": "shop"}
        folder = tmp_path_factory.mktemp("shop")
        port = int(shop.rpartition(":")[2])
        hearing = stack.enter_context(starting(warm_granian, KINDS["flask"], [port], app, folder))
        nodes = {}
        for number, mode in enumerate(AT_MOST_SECONDS, start=1):
            body = shared | {"CLIENT_ID": "orders-api", "MODE": mode, "AUDIENCE": audience_of(mode)}
            folder = tmp_path_factory.mktemp("api")
            node = starting(warm_granian, API, [port + number], body, folder)
            nodes[mode] = stack.enter_context(node)
        hearing.wait()
        yield {mode: node.wait()[0] for mode, node in nodes.items()}


class Ada:
    """Ada at a browser of her own, signed in at the app with a token for one of the APIs."""

    def __init__(self, site, shop, mode):
        self.issuer = site.issuer
        self.url = shop
        self.mode = mode
        self.browser = Browser()

    def access_token(self):
        """Sign in; the app's own callback knows nothing of it, so that the code is redeemed here."""
        asked = {
            "client_id": "shop",
            "redirect_uri": f"{self.url}/callback",
            "response_type": "code",
            "scope": "openid orders",
            "resource": audience_of(self.mode),
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        self.browser.open(f"{self.issuer}/authorize?{urlencode(asked)}")
        if self.browser.has("sign-in"):
            self.browser.press("sign-in", username="ada", password=PASSWORD)
        form = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(self.browser.url).query)["code"][0],
            "redirect_uri": asked["redirect_uri"],
            "code_verifier": VERIFIER,
        }
        response = requests.post(f"{self.issuer}/token", data=form, auth=("shop", SECRET), timeout=PATIENCE)
        assert response.status_code == 200, response.text
        self.id_token = response.json()["id_token"]
        return response.json()["access_token"]

    def sign_out(self):
        """End the session; the response comes once that is committed."""
        hint = {"id_token_hint": self.id_token}
        response = self.browser._session.get(
            f"{self.issuer}/session/end", params=hint, allow_redirects=False, timeout=PATIENCE
        )
        assert response.status_code in (302, 303), response.text


def call(apis, mode, token, path="/orders", method="GET"):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.request(method, apis[mode] + path, headers=headers, timeout=PATIENCE)


@pytest.mark.parametrize("mode", AT_MOST_SECONDS)
def test_an_api_refuses_after_a_logout(site, shop, apis, mode):
    people = []

    def get_tokens():
        people.append(Ada(site, shop, mode))
        token = people[-1].access_token()
        return Tokens(api=token, end=token)

    result = probe.measure(
        f"{apis[mode]}/orders",
        get_tokens=get_tokens,
        end=lambda _: people[-1].sign_out(),
        rounds=ROUNDS,
        give_up_after=AT_MOST_SECONDS[mode],
    )

    # `-o log_cli=true` shows it; with CURFEW_TEST_ROUNDS=50 it makes the figures of kit/README.md.
    logging.getLogger(__name__).warning("%s: %s", mode, result)
    assert result.mode == ("signed" if mode == "signed" else "introspection")
    assert 0 <= result.p50 <= result.p99 <= AT_MOST_SECONDS[mode]


def test_responses_say_how_fresh_they_are(site, shop, apis):
    body = {}
    for mode in AT_MOST_SECONDS:
        ada = Ada(site, shop, mode)
        token = ada.access_token()
        body[mode] = [call(apis, mode, token).headers["Token-Freshness"] for _ in range(2)]

    asked_anew = r"introspection; age=([0-9.]+); stale-for-at-most=0\.0"
    ages = [float(re.fullmatch(asked_anew, text)[1]) for text in body["ask"]]
    assert max(ages) < AT_MOST_SECONDS["ask"]
    assert body["ask-5"][1].startswith("introspection; age=")
    assert all(text.startswith("signed; age=") for text in body["signed"])


@pytest.mark.parametrize("mode", AT_MOST_SECONDS)
def test_an_api_lets_in_its_own_tokens_alone(site, shop, apis, mode):
    other = "signed" if mode == "ask" else "ask"
    token = Ada(site, shop, other).access_token()

    assert call(apis, other, token).json() == {"of": call(apis, other, token).json()["of"]}
    refused = call(apis, mode, token)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert call(apis, mode, None).headers["WWW-Authenticate"].startswith("Bearer")


def test_paying_takes_a_recent_sign_in(site, shop, apis):
    token = Ada(site, shop, "signed").access_token()

    assert call(apis, "signed", token, "/orders/pay", "POST").json() == {"paid": True}
