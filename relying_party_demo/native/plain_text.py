"""Text from other parties, made safe for a terminal."""

_LONGEST = 300


def plain(text: str) -> str:
    """Return a text without control characters, which could rewrite what a terminal shows."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
