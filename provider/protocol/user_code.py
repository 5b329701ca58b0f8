"""The code that a person copies from a device's screen into a browser (rfc8628 §6.1)."""

# rfc8628 §6.1: consonants form no words, and none of these is mistaken for a digit.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
_GROUP = 4
# More than anyone types, whatever they put between the letters.
_LONGEST_TYPED = 64


def shown(code: str) -> str:
    """Return a code in two groups, which are easier to read and to type."""
    return f"{code[:_GROUP]}-{code[_GROUP:]}"


def read(typed: str) -> str | None:
    """Return the code that a person typed, or None if it cannot be one.

    rfc8628 §6.1: the server should 'make a case-insensitive comparison' and 'strip' characters outside the
    alphabet. But a letter that no code contains is a mistake, and is not dropped.
    """
    if len(typed) > _LONGEST_TYPED:
        return None
    code = "".join(letter for letter in typed.upper() if letter.isalnum())
    return code if len(code) == LENGTH and set(code) <= set(LETTERS) else None
