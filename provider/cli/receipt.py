"""`curfew receipt verify`: is the receipt of a logout genuine, and what does it say?"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from provider.cli.context import fail
from provider.cli.output import json_option, show_json, show_table
from provider.cli.plain_text import say
from provider.cli.published_keys import fetch_keys
from provider.inspection.receipt_check import Checked, InvalidKeys, InvalidReceipt, check, read_keys
from provider.inspection.receipt_form import LARGEST, Content
from provider.inspection.why_not_notified import Verdict

_LARGEST_JWKS = 1024 * 1024
_ACTORS = {
    "account": "the person",
    "client": "an app",
    "admin": "an operator",
    "system": "the provider",
}
_REACH = {
    "app": "of one app",
    "browser": "of one browser",
    "others": "of all other browsers",
    "everywhere": "everywhere",
}
_STATES: Mapping[str, str] = {
    Verdict.ACCEPTED: "confirmed",
    Verdict.WAITING: "not confirmed yet; it is tried again",
    Verdict.REFUSING: "answers, but not with success; it is tried again",
    Verdict.EXPIRED: "did not confirm in time; given up",
    Verdict.CANCELLED: "cancelled by an operator",
    Verdict.SUPERSEDED: "not sent: the person had signed in there again",
    Verdict.NOT_NOTIFIED_OF_EXPIRY: "not notified: this app is not notified of expired sessions",
    Verdict.NO_ADDRESS: "not notified: it had no address for notifications",
    Verdict.PRUNED: "the record of its notification was deleted for its age",
    Verdict.ASKS_ITSELF: "part of the provider; needs no notification",
}


@click.group(
    epilog="""\b
Examples:
  curfew receipt verify receipt.jwt --jwks keys.json
  curfew receipt verify receipt.jwt --issuer https://id.example
"""
)
def receipt() -> None:
    """Verify receipts of logouts."""


@receipt.command(
    epilog="""\b
Examples:
  curfew receipt verify receipt.jwt --jwks keys.json
  curfew receipt verify receipt.jwt --issuer https://id.example --json
  curl -s https://id.example/jwks > keys.json
Exit codes: 0 genuine, 1 not genuine or keys not available, 2 invalid usage.
"""
)
@click.argument("file", type=click.File("rb"))
@click.option(
    "--jwks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The provider's published keys, from its JWKS address.",
)
@click.option(
    "--issuer",
    metavar="URL",
    help="The provider it must come from. Without --jwks its keys are fetched from there.",
)
@json_option
def verify(*, file: BinaryIO, jwks: Path | None, issuer: str | None, as_json: bool) -> None:
    """Check that a receipt is genuine, and say what it says. Needs no settings and no database.

    The keys decide whose receipt it is, so they must come from the provider itself, or be a copy that you
    trust. `-` reads the receipt from standard input.
    """
    if jwks is None and issuer is None:
        raise click.UsageError("give the provider's keys by --jwks FILE, or its address by --issuer URL")
    document = file.read(LARGEST + 1)
    try:
        found = check(document, _keys(jwks, issuer or ""), issuer=issuer)
    except InvalidReceipt as exc:
        fail(f"the receipt is not valid: {exc}")
    if as_json:
        show_json(_record(found))
    else:
        _tell(found)


def _keys(jwks: Path | None, issuer: str) -> Sequence[Mapping[str, object]]:
    try:
        if jwks is None:
            return read_keys(fetch_keys(issuer))
        with jwks.open("rb") as file:
            return read_keys(file.read(_LARGEST_JWKS))
    except InvalidKeys as exc:
        fail(f"the keys of {jwks or issuer} cannot be used: {exc}")
    except OSError as exc:
        fail(f"{jwks} cannot be read: {exc.strerror}")


def _record(found: Checked) -> dict[str, object]:
    about = {"issuer": found.issuer, "issued_at": found.issued_at, "kid": found.kid, "alg": found.alg}
    return about | {"receipt": msgspec.to_builtins(found.content)}


def _tell(found: Checked) -> None:
    said = found.content
    say(f"Genuine: signed by {found.issuer} at {_time(found.issued_at)} with the key {found.kid}.")
    for sentence in _sentences(said):
        say(sentence)
    rows = [
        (one.client_id, _STATES.get(one.state, one.state), one.accepted_at, one.attempts, one.jti)
        for one in said.apps
    ]
    say(f"\nApps, as of {_time(said.as_of)}{'' if said.is_final else ' (some are still being notified)'}")
    columns = ("App", "Notification", "Confirmed at", "Attempts", "Token (jti)")
    show_table(columns, rows, empty="No app was part of it.")


def _sentences(said: Content) -> Iterator[str]:
    yield f"Logout {said.logout_id} of the account {said.account_id} at {_time(said.at)}."
    by = _ACTORS.get(said.actor, said.actor) + (f" ({said.client_id})" if said.client_id else "")
    yield f"Signed out {_REACH.get(said.verb, said.verb)} by {by}; reason: {said.reason}."
    ended = said.ended
    yield (
        f"Ended: {len(ended.sessions)} session(s), {len(ended.client_sessions)} app session(s), "
        f"{len(ended.grants)} grant(s)."
    )
    for one in said.survived.sessions:
        yield f"Survived: session {one.id} ({one.why.replace('_', ' ')})."
    for grant in said.survived.grants:
        why = grant.why.replace("_", " ")
        yield f"Survived: the grant of {grant.client_id} until {_time(grant.expires_at)} ({why})."
    if said.audit is not None:
        place = f", number {said.audit.seq} of the chain" if said.audit.seq else ""
        yield f"Audit entry {said.audit.id}{place}."


def _time(instant: datetime) -> str:
    return instant.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
