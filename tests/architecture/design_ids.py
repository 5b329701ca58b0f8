"""The ids of decisions, threats and guarantees: where they are cited and where they are defined."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.sources import ROOT

FAMILIES = ("ABU", "DEC", "DLV", "FIG", "FLT", "INV", "KEY", "KIT", "LIB", "RACE", "SEC", "THR", "URL")
_FAMILY = "|".join(FAMILIES)
# `DLV-14`, `DLV-14, 15`, `LIB-01 to LIB-05`: what follows the first may leave the family out.
_CITED = re.compile(rf"\b({_FAMILY})-(\d{{2,4}})((?:(?:, | and | to )(?:(?:{_FAMILY})-)?\d{{2,4}}\b)*)")
_FOLLOWING = re.compile(rf"(, | and | to )(?:({_FAMILY})-)?(\d{{2,4}})")
_DEFINED = re.compile(rf"^(?:#+ |\| )((?:{_FAMILY})-\d{{2,4}})\b", re.MULTILINE)
DESIGN = ROOT / "docs" / "design"
_SUFFIXES = {".py", ".md", ".txt", ".toml", ".html", ".js", ".css", ".yml", ".yaml", ".sh", ".json", ".cfg"}
_NOT_OURS = {"build", "dist", "node_modules", "mutants", "__pycache__"}


def cited_in(text: str) -> Iterator[str]:
    """Yield every id that a text cites; a range cites all that it holds."""
    for match in _CITED.finditer(text):
        family, number, following = match.groups()
        yield f"{family}-{number}"
        for word, other, then in _FOLLOWING.findall(following):
            family = other or family
            between = range(int(number) + 1, int(then)) if word == " to " else ()
            yield from (f"{family}-{one:0{len(then)}d}" for one in (*between, int(then)))
            number = then


def _files() -> Iterator[Path]:
    tops = [path for path in ROOT.iterdir() if not path.name.startswith(".") and path.name not in _NOT_OURS]
    for top in tops:
        found = top.rglob("*") if top.is_dir() else [top]
        yield from (
            path
            for path in found
            if path.suffix in _SUFFIXES
            and not _NOT_OURS & set(path.relative_to(ROOT).parts)
            and not path.is_relative_to(DESIGN)
            and path.is_file()
        )


@cache
def citations() -> dict[str, set[str]]:
    """Return where each id is cited; the design itself is not counted."""
    found: dict[str, set[str]] = {}
    for path in _files():
        for name in cited_in(path.read_text(errors="replace")):
            found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return found


def definitions() -> list[str]:
    """Return each id that the design defines, as often as it does."""
    return [name for page in sorted(DESIGN.glob("*.md")) for name in _DEFINED.findall(page.read_text())]
