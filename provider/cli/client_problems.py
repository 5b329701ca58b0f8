"""`curfew client show --problems`: why requests of a client were refused, and what to change."""

import re
import shlex
from typing import Any

from provider.cli.output import show_json, show_record
from provider.cli.plain_text import say
from provider.clients.models import Client
from provider.clients.problems import ClientProblem, list_problems
from provider.infrastructure import current
from provider.protocol.client_metadata import SECRET_METHODS
from provider.protocol.refusal import Cause, RefusalKind

# The record of a refusal has the address without its query, or a remark if the text was no address.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_LEFT_OUT = re.compile(r"\.\.\.$")

_AUTHENTICATION = {
    Cause.DISABLED: "The client is disabled",
    Cause.METHOD: "The authentication method is not the registered one",
    Cause.ENDPOINT: "The endpoint does not accept this authentication method",
    Cause.SECRET: "The secret is wrong or no longer valid",
    Cause.ASSERTION: "The client assertion is not valid",
    Cause.CERTIFICATE: "The certificate is not the registered one",
}


def show_problems(client: Client, *, as_json: bool) -> None:
    """Show the last refusals of a client, newest first."""
    found = [_view(client, problem) for problem in list_problems(client)]
    if as_json:
        show_json({"client_id": client.client_id, "problems": found})
        return
    for view in found:
        show_record(view)
        say("")
    if not found:
        say("No request of this client was refused lately.")


def _view(client: Client, problem: ClientProblem) -> dict[str, Any]:
    return {
        "problem": _AUTHENTICATION.get(Cause(problem.cause)) or problem.sentence,
        "kind": problem.kind,
        "cause": problem.cause,
        **problem.facts,
        "times": problem.count,
        "first_at": problem.first_at,
        "last_at": problem.last_at,
        "ip": problem.ip,
        "cure": _cure(client, problem),
    }


def _cure(client: Client, problem: ClientProblem) -> str:
    """Return the fix. It registers an address only if it is the app's own, since anyone can send one."""
    update = f"curfew client update {shlex.quote(client.client_id)}"
    match RefusalKind(problem.kind):
        case RefusalKind.AUTHENTICATION:
            return _cure_of_authentication(client, problem, update)
        case RefusalKind.REDIRECT_URI | RefusalKind.POST_LOGOUT_REDIRECT_URI as kind:
            refused = problem.facts.get("refused")
            if not refused:
                return "Have the app send the redirect_uri that it registered."
            return _cure_of_address(client, kind, refused, update)
        case RefusalKind.SCOPE:
            scope = shlex.quote(client.metadata_.scope + " SCOPE")
            return f"Have the app ask for less, or allow the scope: {update} --scope {scope}"
        case RefusalKind.RESOURCE:
            return (
                "Compare the resource with `curfew resource list`; register a missing one with "
                "`curfew resource add`, and its scopes with the client."
            )
        case RefusalKind.RESPONSE_TYPE:
            return (
                "Have the app use response_type=code. Others need CURFEW_HYBRID_RESPONSE_TYPES=true and "
                f"{update} --response-type … --grant-type implicit"
            )
        case RefusalKind.ENCRYPTION:
            response, alg = problem.facts.get("answer", ""), problem.facts.get("alg", "")
            flag = f"--{response.replace('_', '-')}-encrypted-response-alg"
            where = client.metadata_.jwks_uri or "its jwks"
            return (
                f"Have the app publish a key for encryption by {alg} ({where}; use: enc, or none), or send "
                f'responses unencrypted: {update} {flag} ""'
            )
        case RefusalKind.NOT_REGISTERED_FOR:
            return f"If the app needs it: {update} --grant-type … (name all of them), or --response-type …"


def _cure_of_address(client: Client, kind: RefusalKind, refused: str, update: str) -> str:
    cure = "Have the app send a registered address, to the letter."
    if not _URI.match(refused):
        return cure
    known = getattr(client.metadata_, f"{kind.value}s")
    flag = f"--{kind.value.replace('_', '-')}"
    whole = _LEFT_OUT.sub("REST", refused)
    note = "" if whole == refused else " (REST stands for what was not kept of it)"
    options = " ".join(f"{flag} {shlex.quote(uri)}" for uri in (*known, whole))
    return (
        f"{cure} Anyone can send a request in its name; if this address belongs to the app, register it"
        f"{note}: {update} {options}"
    )


def _cure_of_authentication(client: Client, problem: ClientProblem, update: str) -> str:
    match Cause(problem.cause):
        case Cause.DISABLED:
            return f"{update} --enable" if not client.is_active else "Enabled again since."
        case Cause.METHOD:
            return _cure_of_method(client, problem.facts.get("used", ""), update)
        case Cause.ENDPOINT:
            return "Give the app a secret or a key: public clients cannot use this endpoint."
        case Cause.SECRET:
            return (
                "Compare the secret in the app's configuration. A lost one is replaced by "
                f"`curfew client rotate-secret {shlex.quote(client.client_id)}`."
            )
        case Cause.ASSERTION:
            return (
                "Check the app's key (jwks or jwks_uri), its clock, and the audience: "
                f"{current.settings().issuer}, or the endpoint with "
                "CURFEW_CLIENT_ASSERTION_ENDPOINT_AUDIENCE=true."
            )
        case Cause.CERTIFICATE:
            return "Compare the app's certificate with the registered tls_client_auth_* name, or its jwks."
        case _:
            return "See the log."


def _cure_of_method(client: Client, used: str, update: str) -> str:
    registered = " or ".join(client.auth_methods)
    cure = f"Have the app use {registered}"
    if used in SECRET_METHODS and client.metadata_.has_secret:
        return f'{cure}, or accept both methods: {update} --token-endpoint-auth-method ""'
    if used == "none":
        return f"{cure}: it sent no proof, so its secret or key may be missing from its configuration."
    return f"{cure}, or register the other: {update} --token-endpoint-auth-method {shlex.quote(used)}"
