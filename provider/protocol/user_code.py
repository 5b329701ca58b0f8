"""The code that a person carries from a device's screen to a browser (rfc8628 §6.1)."""

# rfc8628 §6.1: consonants make no words, and none of them is taken for a digit.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
_GROUP = 4
# More than any person types, whatever they put between the letters.
_LONGEST_TYPED = 64


def shown(code: str) -> str:
    """Return a code in two groups, as it is easier to read and to type."""
    return f"{code[:_GROUP]}-{code[_GROUP:]}"


def read(typed: str) -> str | None:
    """Return the code that a person typed, or None if it cannot be one.

    rfc8628 §6.1: the server should 'make a case-insensitive comparison' and 'strip' what is no letter
    of the alphabet. A letter that no code has is a mistake, though, and not dropped.
    """
    if len(typed) > _LONGEST_TYPED:
        return None
    code = "".join(letter for letter in typed.upper() if letter.isalnum())
    return code if len(code) == LENGTH and set(code) <= set(LETTERS) else None
