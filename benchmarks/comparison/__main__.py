"""Compares Curfew with other providers: oidc-provider of npm, on request django-oauth-toolkit.

    python -m benchmarks.comparison            under ten minutes
    python -m benchmarks.comparison --full     more rounds and more operations in each
    python -m benchmarks.comparison --write    writes docs/operate/comparison.md and its drawing anew
    python -m benchmarks.comparison --django   measures django-oauth-toolkit, too

Without Node.js there is no oidc-provider.
"""

import argparse
import os

from benchmarks.comparison import django_toolkit, report, subjects
from benchmarks.comparison.receivers import receivers
from benchmarks.comparison.rounds import measure

_USUAL, _FULL = (3, 1.0), (7, 4.0)


def main() -> None:
    """Measure, print the table, and write it where that is asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help="more rounds, more operations in each")
    parser.add_argument("--rounds", type=int, help="rounds for each provider")
    parser.add_argument("--scale", type=float, help="times as many operations in each round")
    parser.add_argument("--write", action="store_true", help="write the page of the documentation anew")
    parser.add_argument("--django", action="store_true", help="measure django-oauth-toolkit, too")
    given = parser.parse_args()
    rounds, scale = _FULL if given.full else _USUAL
    lacking = subjects.install_peer()
    if lacking:
        print(f"oidc-provider is not measured: {lacking}")
    starts = [subjects.curfew_on_postgresql, subjects.curfew_embedded]
    versions = subjects.versions(with_peer=not lacking)
    if given.django:
        lacking_django = django_toolkit.install()
        if lacking_django:
            print(f"django-oauth-toolkit is not measured: {lacking_django}")
        else:
            starts.append(django_toolkit.start)
            versions |= django_toolkit.versions()
    if not lacking:
        starts.append(subjects.peer)
    rounds, scale = given.rounds or rounds, given.scale or scale
    load = os.getloadavg()[0]
    with receivers() as logout_endpoints:
        found = measure(starts, logout_endpoints, rounds=rounds, scale=scale)
    print(report.table(found))
    if given.write:
        facts = report.Facts(versions, rounds, os.cpu_count() or 1, (load, os.getloadavg()[0]))
        report.write(found, facts)


if __name__ == "__main__":
    main()
