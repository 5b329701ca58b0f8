"""Pieces of Markdown."""

from collections.abc import Iterable, Sequence

GENERATED = "<!-- Generated from the code by `make reference`: change the code, not this page. -->"


def page(title: str, *parts: str) -> str:
    """Return a page; empty parts are left out."""
    return "\n\n".join([f"# {title}", GENERATED, *(part for part in parts if part)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing if it has no rows."""
    lines = [_row([cell.replace("|", "\\|") for cell in row]) for row in rows]
    return "\n".join([_row(head), "|" + "---|" * len(head), *lines]) if lines else ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(' '.join(cell.split()) for cell in cells)} |"


def code(text: str) -> str:
    """Return inline code, or nothing for an empty text."""
    return f"`{text}`" if text else ""


def codes(texts: Iterable[str]) -> str:
    """Return several pieces of inline code."""
    return ", ".join(map(code, texts))


def block(text: str, language: str = "text") -> str:
    """Return a block of code."""
    return f"```{language}\n{text}\n```"
