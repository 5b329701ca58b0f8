"""Anchor the end of the chain outside of the database, so that truncation is detected (KEY-30, DEC-25).

Each target has a row with the last link anchored there. A target that fails is retried at every run of the
duty; one that works is due again after `audit_anchor_every`.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import select

from provider.audit import chain
from provider.audit.chain import Link
from provider.audit.models import AuditAnchor
from provider.config.audit_anchors import SEQ, AnchorTarget, read_anchor_target
from provider.infrastructure import clock, current, event_log, syslog
from provider.infrastructure.database import db, reading, transaction
from provider.infrastructure.opaque_tokens import digest_of
from provider.infrastructure.outbound_http import OutboundFailure

# How late an anchor may be before it counts as failing.
_OVERDUE_AFTER = timedelta(minutes=15)
_LATE = "no worker has anchored here in time"
_CUT_OFF = "its end was cut off"
# What to check when a target of this kind fails.
_SERVER = "check that the server runs and that the workers reach it"
_CURES = {
    "file": "the folder must exist on the hosts of the workers, and their user must be able to write to it",
    "syslog+unix": "check that the socket exists on the hosts of the workers",
    "syslog+udp": _SERVER,
    "syslog+tcp": _SERVER,
    "http": "check the URL, which expires if it is presigned, and CURFEW_AUDIT_ANCHOR_TOKEN; a private "
    "address must be in CURFEW_OUTBOUND_ALLOW",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorState:
    """A target with the last link anchored there, and why the last attempt failed, if it did."""

    target: AnchorTarget
    link: Link | None = None
    anchored_at: datetime | None = None
    since: datetime | None = None
    failure: str | None = None
    failed_since: datetime | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed, or the next one is overdue."""
        return self.reason is not None

    @property
    def reason(self) -> str | None:
        """Why it fails, or None."""
        if self.failure is None and self._is_late:
            return _LATE
        return self.failure

    @property
    def cure(self) -> str | None:
        """The advice for the operator, or None."""
        match self.reason:
            case None:
                return None
            case why if why.endswith(_CUT_OFF):
                return "keep the anchor and the database as they are, and run `curfew audit verify`"
            case why if why == _LATE:
                return "check that a worker runs"
            case _:
                return _CURES[self.target.kind]

    @property
    def failing_since(self) -> datetime | None:
        """Since when it has been failing: the first failed attempt, or the time when a missed one was due."""
        if self.failure is not None:
            return self.failed_since
        return self._due_at if self._is_late else None

    @property
    def _due_at(self) -> datetime | None:
        last = self.anchored_at or self.since
        return last + current.settings().audit_anchor_every if last else None

    @property
    def _is_late(self) -> bool:
        return self._due_at is not None and self._due_at + _OVERDUE_AFTER < clock.now()


def targets() -> tuple[AnchorTarget, ...]:
    """Return the configured targets."""
    return tuple(map(read_anchor_target, current.settings().audit_anchors))


def states() -> list[AnchorState]:
    """Return the state of each configured target."""
    wanted = {_key(one): one for one in targets()}
    if not wanted:
        return []
    rows = db.session.scalars(select(AuditAnchor).where(AuditAnchor.target.in_(wanted)))
    known = {row.target: row for row in rows}
    return [_state(one, known.get(key)) for key, one in wanted.items()]


def anchor_due() -> None:
    """Anchor the end of the chain at every target that is due."""
    with reading():
        known = states()
    now, every = clock.now(), current.settings().audit_anchor_every
    anchor_at(
        one for one in known if one.failure or one.anchored_at is None or one.anchored_at <= now - every
    )


def anchor_at(known: Iterable[AnchorState]) -> None:
    """Anchor the end of the chain at these targets, and record the result for each."""
    with reading():
        head = chain.head()
    if head is None:
        return
    for one in known:
        why = _why_not(one, head)
        with transaction():
            _note(one, head, why)
        if why:
            event_log.error("audit_not_anchored", target=one.target.name, detail=why)


def read_anchors(document: bytes) -> list[Link]:
    """Return the anchors in a text: output of `audit head`, or lines of an anchor file or a syslog."""
    return [Link(int(seq), proof) for seq, proof in chain.ANCHOR.findall(document.decode(errors="replace"))]


def _why_not(state: AnchorState, head: Link) -> str | None:
    """Send the anchor; returns why it failed. An unchanged end is not sent again."""
    # If the end was cut off, the anchor is the proof and must not be replaced.
    if state.link is not None and head.seq < state.link.seq:
        return f"entry {state.link.seq} was anchored, but the log ends at {head.seq}: {_CUT_OFF}"
    if state.link is not None and not _goes_on_from(state.link):
        return f"entry {state.link.seq} is not the one that was anchored: the log went on after {_CUT_OFF}"
    if head == state.link and state.failure is None:
        return None
    try:
        _send(state.target, head)
    except OutboundFailure as exc:
        return f"{exc}: {exc.detail}"
    except OSError as exc:
        return exc.strerror or type(exc).__name__
    except _Refused as exc:
        return str(exc)
    return None


def _goes_on_from(anchored: Link) -> bool:
    """Return whether the entry that was anchored is still in the chain, or was pruned."""
    with reading():
        found = chain.link_of(anchored.seq)
    return found is None or found == anchored


class _Refused(Exception):
    """The server did not accept the object."""


def _send(target: AnchorTarget, head: Link) -> None:
    now = clock.now()
    line = f"{now.isoformat(timespec='seconds').replace('+00:00', 'Z')} {head}\n"
    sent = syslog.message("audit-anchor", f"{current.settings().issuer} {head}", now)
    senders: dict[str, Callable[[], None]] = {
        "file": lambda: _append(target.path or Path(), line),
        "syslog+udp": partial(syslog.send_udp, target.host, target.port, sent),
        "syslog+tcp": partial(syslog.send_tcp, target.host, target.port, sent),
        "syslog+unix": lambda: syslog.send_unix(target.path or Path(), sent),
        "http": lambda: _put(target.url.replace(SEQ, str(head.seq)), line),
    }
    senders[target.kind]()


def _append(path: Path, line: str) -> None:
    """Append a line and flush it to disk."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, line.encode())
        os.fsync(file)
    finally:
        os.close(file)


def _put(url: str, line: str) -> None:
    token = current.settings().audit_anchor_token
    proof = {"Authorization": f"Bearer {token}"} if token else {}
    headers = {"Content-Type": "text/plain; charset=utf-8"} | proof
    response = current.services().outbound.put(url, line.encode(), headers=headers)
    if response.status // 100 != 2:
        raise _Refused(f"the server answered with status {response.status}")


def _note(state: AnchorState, head: Link, why: str | None) -> None:
    now = clock.now()
    key = _key(state.target)
    row = db.session.get(AuditAnchor, key) or AuditAnchor(target=key, since=now)
    row.failure = why
    row.failing_since = (row.failing_since or now) if why else None
    if why is None:
        row.seq, row.chain, row.anchored_at = head.seq, head.chain, now
    db.session.add(row)


def _state(target: AnchorTarget, row: AuditAnchor | None) -> AnchorState:
    if row is None:
        return AnchorState(target=target)
    link = Link(row.seq, row.chain) if row.seq is not None and row.chain is not None else None
    return AnchorState(
        target=target,
        link=link,
        anchored_at=row.anchored_at,
        since=row.since,
        failure=row.failure,
        failed_since=row.failing_since,
    )


def _key(target: AnchorTarget) -> str:
    return digest_of(target.url or target.name)
