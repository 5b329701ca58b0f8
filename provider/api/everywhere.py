"""Sign out everywhere at the request of the person's own app, and its preview."""

from typing import Any

from flask import Response, jsonify, request

from provider.accounts.queries import lock
from provider.api import responses
from provider.api.account_route import account_route
from provider.api.caller import Caller, authenticate, invalid_session
from provider.api.openapi_account import PERSON, operation
from provider.api.proof import InvalidProof, Proof, read_proof
from provider.infrastructure.database import in_transaction, reading
from provider.logout.everywhere import end_everywhere
from provider.logout.models import Logout
from provider.logout.notification.summary import Summary, find_everywhere_of_grant, summarize
from provider.logout.preview import Preview
from provider.logout.preview import preview_everywhere as preview
from provider.protocol.errors import ProtocolError
from provider.web.openapi import TEXT, as_json, form, schema


def preview_everywhere() -> Response:
    """Answer with what would end, and the apps that would be notified."""
    caller = authenticate()
    with reading():
        found = preview(caller.account.id)
    return jsonify(_previewed(found, caller))


def sign_out_everywhere() -> Response:
    """End everything of the person. A repeated request gets the same response and ends nothing more."""
    proof = read_proof(request)
    outcome = in_transaction(lambda: _end(proof))
    if isinstance(outcome, ProtocolError):
        raise outcome
    with reading():
        summary = summarize(outcome)
    return jsonify(_as_json(summary))


def _end(proof: Proof) -> Logout | ProtocolError:
    """End everything, or find the logout that did. Returns errors, so that a used assertion stays used."""
    try:
        proof.prove_client()
        found = proof.find()
        if isinstance(found, Caller):
            # Of concurrent requests one ends everything; the others wait here and find it done.
            lock(found.account.id)
            found = proof.find()
        match found:
            case Caller():
                return end_everywhere(found.account, found.cause()).logout
            case InvalidProof():
                return _find_logout(found) or invalid_session()
    except ProtocolError as exc:
        return exc


def _find_logout(proof: InvalidProof) -> Logout | None:
    """Find the sign-out everywhere that revoked a token; a token that was already invalid proves nothing."""
    if proof.grant_id is None or proof.invalid_since is None:
        return None
    logout = find_everywhere_of_grant(proof.grant_id)
    return logout if logout and proof.invalid_since > logout.at else None


def residual_risk(found: Preview) -> str:
    """Return a text about what signing out everywhere cannot reach, on which people base their decision."""
    sentences = ["This provider rejects every token from the next request on."]
    if found.signed_tokens:
        held = ", ".join(
            f"{one.client.display_name} until {one.until:%Y-%m-%d %H:%M:%S} UTC"
            for one in found.signed_tokens
        )
        sentences.append(f"Services that validate signed access tokens locally may accept those of {held}.")
    mute = [app.client.display_name for app in found.apps if not app.will_be_notified]
    if mute:
        sentences.append(f"Not notified, because they have no logout address: {', '.join(mute)}.")
    sentences.append(
        "An app's own session lasts until the app confirms its notification or ends the "
        "session, and an offline device may show stored data until it is online again."
    )
    return " ".join(sentences)


def _as_json(summary: Summary) -> dict[str, Any]:
    logout = summary.logout
    return {
        "logout_id": str(logout.id),
        "at": responses.instant(logout.at),
        "sessions_ended": logout.sessions_ended,
        "grants_revoked": logout.grants_revoked,
        "refresh_tokens_revoked": summary.refresh_tokens_revoked,
        "apps_to_notify": [responses.app(client) for client in summary.apps_to_notify],
    }


def _previewed(found: Preview, caller: Caller) -> dict[str, Any]:
    return {
        "session_count": found.session_count,
        "sessions": [
            responses.session(one, current=one.session.id == caller.session_id) for one in found.sessions
        ],
        "grant_count": found.grant_count,
        "refresh_token_count": found.refresh_token_count,
        "apps": [
            responses.app(app.client)
            | {
                "offline": app.offline,
                "until": responses.instant(app.until),
                "will_be_notified": app.will_be_notified,
            }
            for app in found.apps
        ],
        "apps_to_notify": [responses.app(app.client) for app in found.apps_to_notify],
        "signed_access_tokens": [
            responses.app(one.client) | {"until": responses.instant(one.until)} for one in found.signed_tokens
        ],
        "residual_risk": residual_risk(found),
    }


_ABOUT = (
    "Ends all sessions and grants of the person, on all devices, and notifies every app with a logout "
    "address. Send the person's access token; once that has expired, send the refresh token in the form "
    "with the client's authentication as at the token endpoint. A repeated request gets the same response "
    "and ends nothing more, even with the revoked token: retry if the response was lost, and delete local "
    "tokens only after receiving it."
)
_REFRESH_TOKEN_AND_CLIENT = (
    *("refresh_token", "client_id", "client_secret"),
    *("client_assertion", "client_assertion_type"),
)
ROUTES = (
    account_route(
        "/account/sign-out-everywhere",
        "preview_everywhere",
        preview_everywhere,
        "GET",
        operation(
            "previewSignOutEverywhere",
            "Preview signing out everywhere.",
            {
                "200": as_json(
                    "The sessions and grants that would end, and the apps that would be notified.",
                    schema("Preview"),
                )
            },
        ),
    ),
    account_route(
        "/account/sign-out-everywhere",
        "sign_out_everywhere",
        sign_out_everywhere,
        "POST",
        operation(
            "signOutEverywhere",
            "Sign out everywhere: all sessions, all grants, all refresh tokens.",
            {"200": as_json("What ended.", schema("SignedOutEverywhere"))},
            description=_ABOUT,
            security=[*PERSON, {"clientSecretBasic": []}, {}],
            requestBody=form(members=dict.fromkeys(_REFRESH_TOKEN_AND_CLIENT, TEXT)),
        ),
    ),
)
