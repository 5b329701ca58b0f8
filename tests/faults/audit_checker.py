"""INV-12: the audit has an entry for everything, and its keyed digests hold when they are computed anew."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.faults.databases import Row
from tests.faults.tables import FINAL, Tables, dashed, undashed


def audit_is_complete(tables: Tables) -> Iterator[str]:
    """INV-12: an entry for each logout and for each result, and none for what has not happened."""
    logouts = Counter(row["logout_id"] for row in tables.audit if row["tag"] == "logout")
    for logout_id in {*tables.logouts, *logouts}:
        if (logouts[logout_id], logout_id in tables.logouts) != (1, True):
            yield f"INV-12: the logout {logout_id} has {logouts[logout_id]} audit entries"
    resent = {row["detail"].get("delivery_id") for row in tables.audit if row["tag"] == "delivery_resent"}
    results = Counter(
        (undashed(row["detail"]["delivery_id"]), row["tag"])
        for row in tables.audit
        if row["tag"].removeprefix("delivery_") in FINAL
    )
    for row in tables.deliveries.values():
        for state in FINAL:
            count = results[row["id"], f"delivery_{state}"]
            expected = 1 if row["state"] == state else 0
            # An operator may have asked to send it again after it was given up, which is another result.
            if count != expected and dashed(row["id"]) not in resent:
                yield f"INV-12: delivery {row['id']} is {row['state']} with {count} entries {state}"
    for tag, count in {
        "session_started": len(tables.sessions),
        "logout": len(tables.logouts),
    }.items():
        if (found := sum(row["tag"] == tag for row in tables.audit)) != count:
            yield f"INV-12: there are {found} entries {tag} for {count} of them"


def audit_is_linked(tables: Tables, secret_key: bytes) -> Iterator[str]:
    """INV-12: the keyed digests, computed anew, are those that stand there."""
    if not secret_key:
        return
    entry_key, chain_key, erased_key = (
        _derived(secret_key, label) for label in ("audit", "audit-chain", "audit-erased")
    )
    for row in tables.audit:
        if not _is_whole(entry_key, erased_key, row):
            yield f"INV-12: the audit entry {row['id']} ({row['tag']}) was changed"
    before = (0, "")
    for row in sorted((row for row in tables.audit if row["seq"] is not None), key=lambda row: row["seq"]):
        seq = before[0] + 1
        before = (seq, _digest(chain_key, f"{seq}:{before[1]}:{row['mac']}"))
        if (row["seq"], row["chain"]) != before:
            yield f"INV-12: the audit chain breaks at {row['seq']}"
            return


def _is_whole(entry_key: bytes, erased_key: bytes, row: Row) -> bool:
    if row["erased"] is not None:
        return _digest(erased_key, f"{row['mac']} {_canonical(row)}") == row["erased"]
    return _digest(entry_key, _canonical(row)) == row["mac"]


def _canonical(row: Row) -> str:
    said: dict[str, Any] = {
        name: row[name]
        for name in (
            *("id", "tag", "actor", "account_id", "client_id", "session_id", "logout_id"),
            *("ip", "correlation_id", "detail"),
        )
    }
    # Columns of later releases; an entry that was written before them does not speak of them.
    said |= {name: row[name] for name in ("actor_name", "actor_origin", "salt") if row[name] is not None}
    said["at"] = row["at"].isoformat(timespec="microseconds")
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def _derived(key: bytes, label: str) -> bytes:
    """HKDF with SHA-256 (rfc5869) for one block, written out."""
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(extracted, f"curfew:{label}".encode() + b"\x01", hashlib.sha256).digest()


def _digest(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
