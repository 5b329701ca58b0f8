"""The hash chain: each entry's number, proved by a keyed digest over its number, its mac and the link before.

Entries are linked in batches by a leased duty, so that no act waits for the entry of another (KEY-32). The
chain alone cannot show that its end was cut off: for that, keep the `head` somewhere else and pass it to
`verify` as an anchor (KEY-30).
"""

import re
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, bindparam, select, update

from provider.audit.models import AuditEvent
from provider.infrastructure import current
from provider.infrastructure.database import db, write_gathered

_DIGEST_LENGTH = 64
# An anchor within a line of other text.
ANCHOR = re.compile(r"(?<![\w:])(\d{1,18}):([0-9a-f]{64})(?!\w)", re.ASCII)


class SealedElsewhere(Exception):
    """Another process is linking the same entries; giving up loses nothing."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the chain: the number of an entry, and the digest that proves it and those before it."""

    seq: int
    chain: str

    @classmethod
    def from_text(cls, text: str) -> "Link":
        """Parse the output of `str`. Raises ValueError for anything else."""
        seq, _, chain = text.strip().partition(":")
        if not (seq.isascii() and seq.isdecimal() and len(chain) == _DIGEST_LENGTH):
            raise ValueError("an anchor looks like 4711:<64 hexadecimal digits>")
        return cls(int(seq), chain)

    def __str__(self) -> str:
        return f"{self.seq}:{self.chain}"


START = Link(0, "")


def seal(limit: int = 1000) -> int:
    """Link the oldest entries that are not linked yet and return how many there were."""
    write_gathered()
    unlinked = select(AuditEvent.id, AuditEvent.mac).where(AuditEvent.seq.is_(None))
    # Lock the entries before reading the head: a second process waits here and then sees the new head.
    oldest = unlinked.order_by(AuditEvent.at, AuditEvent.id).limit(limit).with_for_update()
    rows = db.session.execute(oldest).all()
    if rows:
        # A link made with an older data key than the link before it would look like a forgery.
        current.data_keys().look_now()
    link = head() or START
    links: list[dict[str, object]] = []
    for row in rows:
        link = link_after(link, row.mac)
        links.append({"entry": row.id, "number": link.seq, "proof": link.chain})
    if links:
        _write(links)
    return len(links)


def head() -> Link | None:
    """Return the last link, which is the anchor to keep elsewhere; None while nothing is linked."""
    last = select(AuditEvent.seq, AuditEvent.chain).where(AuditEvent.seq.is_not(None))
    row = db.session.execute(last.order_by(AuditEvent.seq.desc()).limit(1)).one_or_none()
    return None if row is None else Link(row.seq, row.chain)


def link_of(seq: int) -> Link | None:
    """Return the link of the entry with this number, or None if it was pruned or is missing."""
    proof = db.session.scalar(select(AuditEvent.chain).where(AuditEvent.seq == seq))
    return None if proof is None else Link(seq, proof)


def link_after(before: Link, mac: str) -> Link:
    """Return the link of the entry with this mac, given the link before it."""
    return links_after(before, mac)[0]


def links_after(before: Link, mac: str) -> list[Link]:
    """Return the link as each data key would make it, newest key first."""
    seq = before.seq + 1
    proofs = current.secret_box().keyed_digests("audit-chain", f"{seq}:{before.chain}:{mac}")
    return [Link(seq, proof) for proof in proofs]


def _write(links: list[dict[str, object]]) -> None:
    table = cast("Table", AuditEvent.__table__)
    write = (
        update(table)
        .where(table.c.id == bindparam("entry"), table.c.seq.is_(None))
        .values(seq=bindparam("number"), chain=bindparam("proof"))
    )
    if db.session.connection().execute(write, links).rowcount != len(links):
        raise SealedElsewhere("another process is linking these entries at this moment")
