"""The shell and Python blocks of the pages, which `tests/examples` runs.

`python -m docs.examples` lists those that do not run in docs/design/examples.md.

A comment right above a block says how it is run:

- `<!-- not run: REASON -->`: not at all;
- `<!-- given: COMMANDS -->`: after these commands, which the reader of the page does not see;
- `<!-- typed: TEXT -->`: with this text where the commands ask;
- `<!-- background until: URL -->`: beside the rest of the page, which goes on once the URL answers.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from docs.build_site import ROOT, pages

LIST = ROOT / "docs" / "design" / "examples.md"
START = "<!-- examples: made by docs/examples.py -->"
END = "<!-- end of examples -->"
_COMMENT = r"<!-- (?:not run|given|typed|background until): .*?-->\n"
_BLOCK = re.compile(rf"((?:^{_COMMENT})*)^```(sh|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ANNOTATION = re.compile(r"<!-- (not run|given|typed|background until): (.*?) ?-->", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One block of a page."""

    page: str
    line: int
    language: str
    code: str
    not_run: str = ""
    given: str = ""
    typed: str = ""
    background_until: str = ""


def examples_of(page: str) -> list[Example]:
    """Return the shell and Python blocks of a page in order."""
    text = (ROOT / page).read_text()
    return [_read(page, text, match) for match in _BLOCK.finditer(text)]


def _read(page: str, text: str, match: re.Match[str]) -> Example:
    said = {name.replace(" ", "_"): value for name, value in _ANNOTATION.findall(match[1])}
    line = text.count("\n", 0, match.end(1)) + 1
    return Example(page=page, line=line, language=match[2], code=match[3], **said)


def listing() -> str:
    """Return the table of the blocks that do not run."""
    left_out = [example for page in sorted(pages()) for example in examples_of(page) if example.not_run]
    rows = [f"| `{example.page}` | `{_name(example)}` | {example.not_run} |" for example in left_out]
    head = ["| Page | Block that begins with | Why it does not run |", "|---|---|---|"]
    return "\n".join([*head, *rows, "", f"{len(left_out)} blocks do not run."])


def _name(example: Example) -> str:
    first = next(line for line in example.code.splitlines() if line and not line.startswith("#"))
    return re.sub(r"\s{2,}#.*", "", first).replace("|", r"\|")


def write(page: Path = LIST) -> None:
    """Replace the table in the page."""
    before, _, rest = page.read_text().partition(START)
    page.write_text(f"{before}{START}\n{listing()}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    write()
