"""The page about audit events, from their list."""

from docs.reference_pages.markdown import code, codes, table
from docs.reference_pages.markdown import page as markdown_page
from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag

_ABOUT = """\
Each entry is written in the transaction of what it records. Entries are linked into a chain of keyed digests:
`curfew audit verify` reports a changed, removed or moved one. `curfew audit list --json` shows entries;
`--tag` selects events."""
_COMMON = {
    "at": "when it happened, in UTC",
    "tag": "the event",
    "actor": "`account` (the person), `client`, `admin` (an operator) or `system`",
    "actor_name": "the operator's name, for `admin`",
    "actor_origin": "the operator's user, host and terminal, for `admin`",
    "account_id": "the account concerned",
    "client_id": "the client concerned",
    "session_id": "the session concerned",
    "logout_id": "the logout that this is part of",
    "ip": "the address that the request came from",
    "correlation_id": "the same for all entries and log lines of one request or command",
    "detail": "further fields of the event",
    "seq": "the number in the chain, once the entry is linked",
}
# The proof of an entry itself.
_PROOF = {"id", "mac", "salt", "erased", "chain"}


def page() -> str:
    """Return the page."""
    columns = set(AuditEvent.__table__.columns.keys()) - _PROOF
    if columns != _COMMON.keys():
        raise ValueError(f"describe the columns {sorted(columns ^ _COMMON.keys())}")
    common = table(("Field", "Content"), [(code(name), content) for name, content in _COMMON.items()])
    events = []
    for tag in EventTag:
        events += [f"### `{tag.value}`", tag.meaning, f"Fields: {codes(tag.fields)}."]
    return markdown_page(
        "Audit events",
        _ABOUT,
        "## Fields of every entry",
        common,
        "## Events",
        "Fields that are no column of the table above are members of `detail`. A field may be empty.",
        *events,
    )
