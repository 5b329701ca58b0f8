"""The result as a table and a drawing, with the settings and versions that it depends on."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from benchmarks.comparison.operations import AT_ONCE, OPERATIONS, SignedOut
from benchmarks.comparison.rounds import Measured
from benchmarks.comparison.subjects import APPS

_DOCS = Path(__file__).parent.parent.parent / "docs" / "operate"
_PAGE, _DRAWING = _DOCS / "comparison.md", _DOCS / "comparison.svg"
_TEXT = Path(__file__).parent / "page.txt"
# The notes on providers that are only measured on request.
_MORE = {
    "django-oauth-toolkit": (
        " django-oauth-toolkit keeps\nits state in PostgreSQL, too, hashes passwords and the apps' secrets "
        "by MD5, and notifies no apps."
    )
}
_COLOURS = ("#2b6cb0", "#90cdf4", "#68a063", "#c05621")


@dataclass(frozen=True, slots=True)
class Facts:
    """The conditions of the figures."""

    versions: dict[str, str]
    rounds: int
    cores: int
    # The machine's load before and after, including other work.
    load: tuple[float, float]


def table(found: Sequence[Measured]) -> str:
    """Return the table in Markdown."""
    heads = [f"{one.name}: CPU ms, server + store" for one in found]
    heads += [f"{one.name}: a second" for one in found]
    heads += [f"{one.name}: round trips" for one in found if one.round_trips]
    lines = ["| operation | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    lines += [f"| {name} | " + " | ".join(_cells(found, name)) + " |" for name in OPERATIONS]
    return "\n".join(lines) + "\n\n" + _others(found)


def write(found: Sequence[Measured], facts: Facts) -> None:
    """Write the page and the drawing."""
    _PAGE.write_text(_page(found, facts), encoding="utf-8")
    _DRAWING.write_text(drawing(found), encoding="utf-8")


def drawing(found: Sequence[Measured]) -> str:
    """Return bars of the CPU of each operation, server and store together, relative to the last provider."""
    bar, gap, left, width = 12, 14, 190, 460
    last = found[-1]
    ratios = {name: [_cpu(one, name) / (_cpu(last, name) or 1) for one in found] for name in OPERATIONS}
    longest = max(max(each) for each in ratios.values())
    drawn, top = [], 34
    for name, each in ratios.items():
        middle = top + bar * len(found) / 2 + 4
        drawn.append(f'<text x="{left - 8}" y="{middle:.0f}" text-anchor="end">{escape(name)}</text>')
        for index, ratio in enumerate(each):
            y, long = top + index * bar, max(1.0, ratio / longest * width)
            drawn.append(
                f'<rect x="{left}" y="{y}" width="{long:.1f}" height="{bar - 2}" fill="{_COLOURS[index]}"/>'
                f'<text x="{left + long + 4:.1f}" y="{y + 9}">{ratio:.1f}</text>'
            )
        top += bar * len(found) + gap
    legend = "".join(
        f'<rect x="{left + 130 * index}" y="8" width="10" height="10" fill="{_COLOURS[index]}"/>'
        f'<text x="{left + 14 + 130 * index}" y="17">{escape(one.name)}</text>'
        for index, one in enumerate(found)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {top}" font-family="sans-serif" '
        f'font-size="10"><title>CPU for each operation, in times of {escape(last.name)}</title>'
        f'<rect width="720" height="{top}" fill="#fff"/>{legend}{"".join(drawn)}</svg>\n'
    )


def _cells(found: Sequence[Measured], name: str) -> list[str]:
    medians = [one.median(name) for one in found]
    cells = [f"{one.server_ms:.2f} + {one.store_ms:.2f}" for one in medians]
    cells += [f"{one.per_second:.0f}" for one in medians]
    return cells + [f"{one.round_trips[name]:.0f}" for one in found if one.round_trips]


def _cpu(one: Measured, name: str) -> float:
    median = one.median(name)
    return median.server_ms + median.store_ms


def _last_app_ms(one: SignedOut) -> float:
    return math.inf if one.last_app is None else one.last_app * 1000


def _others(found: Sequence[Measured]) -> str:
    lines = [f"| | {' | '.join(one.name for one in found)} |", "|---" * (len(found) + 1) + "|"]
    browser = [_median([each.browser * 1000 for each in one.sign_outs]) for one in found]
    last = [_median([_last_app_ms(each) for each in one.sign_outs]) for one in found]
    memory = [_median(one.memory) for one in found]
    for name, values, unit in (
        (f"sign-out of {APPS} apps: until the browser has its page", browser, "ms"),
        (f"sign-out of {APPS} apps: until the last app is notified", last, "ms"),
        ("memory of server and store", memory, "MB"),
    ):
        lines.append(f"| {name} | " + " | ".join(_with_unit(value, unit) for value in values) + " |")
    return "\n".join(lines)


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _with_unit(value: float | None, unit: str) -> str:
    return "has none" if value is None else f"{value:.0f} {unit}"


def _page(found: Sequence[Measured], facts: Facts) -> str:
    before, after = facts.load
    return _TEXT.read_text(encoding="utf-8").format(
        last=found[-1].name,
        table=table(found),
        apps=APPS,
        at_once=AT_ONCE,
        more="".join(_MORE.get(one.name, "") for one in found),
        rounds=facts.rounds,
        cores=facts.cores,
        before=f"{before:.1f}",
        after=f"{after:.1f}",
        versions=", ".join(f"{name} {version}" for name, version in facts.versions.items()),
    )
