"""The preview of a sign-out everywhere, as the person's own app may ask for it."""

import base64
import json
from datetime import UTC, datetime, timedelta

from provider.infrastructure.database import transaction
from provider.logout.end_session import end
from provider.sessions.queries import find_live
from tests.api.conftest import SCOPE, AccountApp
from tests.api.test_everywhere import BY_ADA
from tests.factories import make_client, make_session
from tests.support.browsers import show_session


def test_the_preview_says_what_would_end_and_ends_nothing(rp, ada, ben, token):
    green, mute = make_client("green"), make_client("mute", **MUTE)
    over, elsewhere = make_session(ada, [green]), make_session(ada, [green, mute], offline=("green",))
    with transaction():
        end(over.session, BY_ADA)
    make_session(ben, [make_client("blue")])

    preview = rp.preview(token).json

    assert (preview["session_count"], preview["grant_count"], preview["refresh_token_count"]) == (2, 3, 1)
    assert [session["current"] for session in preview["sessions"]] == [False, True]
    assert [(app["name"], app["offline"], app["will_be_notified"]) for app in preview["apps"]] == [
        ("Green", True, True),
        ("Mute", False, False),
        ("Red", False, True),
    ]
    assert [app["client_id"] for app in preview["apps_to_notify"]] == ["green", "red"]
    assert "Not notified, because they have no logout address: Mute." in preview["residual_risk"]
    assert (preview["signed_access_tokens"], "signed" in preview["residual_risk"]) == ([], False)
    assert find_live(elsewhere.handle) is not None


def test_the_preview_names_the_apps_whose_signed_tokens_may_be_accepted_for_a_while(
    app, http, ada, token, rp
):
    """An API that verifies a JWT by itself does not hear that its session has ended."""
    blue = AccountApp(app, "blue", scope=SCOPE, access_token_format="jwt")
    show_session(http, make_session(ada))
    signed = jwt_claims(blue.sign_in(http)["access_token"])

    preview = rp.preview(token).json
    page = http.get("/account/everywhere").text

    until = datetime.fromtimestamp(signed["exp"], UTC)
    assert [(one["client_id"], one["name"]) for one in preview["signed_access_tokens"]] == [("blue", "Blue")]
    said = datetime.fromisoformat(preview["signed_access_tokens"][0]["until"])
    assert until <= said < until + timedelta(seconds=1)
    assert f"those of Blue until {said:%Y-%m-%d %H:%M:%S} UTC" in preview["residual_risk"]
    assert "access tokens of Blue until" in page
    assert "access tokens of Red" not in page


def jwt_claims(token: str) -> dict:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


MUTE = {"backchannel_logout_uri": None}


def test_the_preview_is_what_then_happens(rp, ada, token):
    make_session(ada, [make_client("green"), make_client("blue")], offline=("green",))

    before, after = rp.preview(token).json, rp.sign_out_everywhere(token).json

    assert after["sessions_ended"] == before["session_count"]
    assert after["grants_revoked"] == before["grant_count"]
    assert after["refresh_tokens_revoked"] == before["refresh_token_count"]
    assert after["apps_to_notify"] == before["apps_to_notify"]
