"""Measure `curfew check` with a million sessions, and the longest of its reads.

    python -m benchmarks.check --sessions 1000000 --databases sqlite postgresql

Every session has a client session, a grant and two tokens, so that five times as many rows are looked at.
Each of the command's reads must stay short however many rows there are, because it runs next to a provider in
use.
"""

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import event

from benchmarks.databases import databases
from benchmarks.sessions import open_site
from provider.infrastructure.database import db
from provider.inspection.check import check


def measure(url: str, sessions: int, folder: Path) -> dict[str, Any]:
    """Fill a database, check it, and return what that took."""
    site = open_site(url, sessions, folder)
    reads: list[float] = []
    with site.app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *_: reads.append(-time.perf_counter()))
        event.listen(db.engine, "after_cursor_execute", lambda *_: _add(reads, time.perf_counter()))
        started = time.monotonic()
        findings = check()
        taken = time.monotonic() - started
        db.session.remove()
        db.engine.dispose()
    assert sum(finding.wrong for finding in findings) == 0, findings
    return {
        "sessions": sessions,
        "rows": sum(finding.examined for finding in findings),
        "seconds": round(taken, 1),
        "reads": len(reads),
        "longest read ms": round(max(reads) * 1000, 1),
    }


def _add(reads: list[float], instant: float) -> None:
    reads[-1] += instant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument(
        "--databases", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"]
    )
    given = parser.parse_args()
    results = {}
    for kind in given.databases:
        print(kind, flush=True)
        with databases(kind) as made, TemporaryDirectory() as folder:
            results[kind] = measure(made.make("checked"), given.sessions, Path(folder))
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
