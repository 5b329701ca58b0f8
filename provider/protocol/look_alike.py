"""Decide whether two names look alike to a person (Unicode UTS #39), and which characters are invisible.

The data are Unicode's own, as shipped by `confusable-homoglyphs`; its files are read, its code is not used.
"""

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

# Only this much of a longer name is compared: normalising takes time that grows with the square of the
# length.
_LONGEST = 400
# Default_Ignorable_Code_Point (Unicode §5.21), and the braille blank, which is drawn as nothing. Variation
# selectors follow emoji in legitimate names, so they count as invisible but are not refused.
_SELECTORS = "\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_NEVER_SEEN = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
REFUSED_IN_NAMES = f"{_NEVER_SEEN}\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_INVISIBLE = re.compile(f"[{_NEVER_SEEN}{_SELECTORS}]|\\s")
# UTS #39 §5.2, 'Moderately Restrictive': scripts that people mix within one word.
_TOGETHER = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)
# These scripts have letters that look like Latin ones.
_NEVER_WITH_LATIN = frozenset({"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "DESERET"})
_OF_NO_SCRIPT = frozenset({"COMMON", "INHERITED"})


def is_alike(one: str, other: str) -> bool:
    """Return whether a person may mistake one name for the other.

    Case, width, accents, spaces and invisible characters do not count, and letters count as what they look
    like.
    """
    return any(a == b for a, b in zip(_forms(one), _forms(other), strict=True))


def is_visible(text: str) -> bool:
    """Return whether a text has any visible character."""
    return any(unicodedata.category(c)[0] in "LNPS" for c in _INVISIBLE.sub("", text))


def mixes_scripts(name: str) -> bool:
    """Return whether a word of a name is written in scripts that no language writes together."""
    return any(not _belong_together(_scripts_of(word)) for word in name[:_LONGEST].split())


@lru_cache(maxsize=4096)
def _forms(name: str) -> tuple[str, str]:
    """Return two skeletons (UTS #39 §4): `I` is drawn like `l`, and is the capital of `i`.

    Names are alike if either skeleton is the same: the first takes letters as they are drawn, the second as
    they are spelled.
    """
    visible = unicodedata.normalize("NFKC", _INVISIBLE.sub("", name[:_LONGEST]))[:_LONGEST]
    return _skeleton(_skeleton(visible).casefold()), _skeleton(visible.casefold())


def _skeleton(text: str) -> str:
    drawn = unicodedata.normalize("NFD", text).translate(_prototypes())
    # Accents are easily overlooked.
    return "".join(c for c in unicodedata.normalize("NFKD", drawn) if unicodedata.category(c) != "Mn")


@lru_cache(maxsize=1)
def _prototypes() -> dict[int, str]:
    """Return what each character is drawn like.

    Unicode's table maps each character to one prototype; the library's file has the pairs in both directions.
    """
    pairs = {
        _plain(one): [_plain(other["c"]) for other in others]
        for one, others in _read("confusables.json").items()
    }
    prototypes = dict(_small_capitals())
    for one, others in pairs.items():
        if len(one) == 1 and len(others) == 1:
            other = others[0]
            is_prototype = len(other) > 1 or len(pairs.get(other, ())) > 1 or other < one
            if is_prototype:
                prototypes[ord(one)] = other
    return prototypes


def _small_capitals() -> Iterator[tuple[int, str]]:
    """Yield phonetic letters that look like capitals; Unicode's table leaves them out."""
    for code in (*range(0x0250, 0x02B0), *range(0x1D00, 0x1D2C), *range(0xA720, 0xA800)):
        _, is_one, letter = unicodedata.name(chr(code), "").partition("LATIN LETTER SMALL CAPITAL ")
        if is_one and len(letter) == 1:
            yield code, letter.lower()


def _plain(character: str) -> str:
    # The file has direction marks around letters that are written from right to left.
    return character.replace("\u200e", "") or character


def _scripts_of(word: str) -> frozenset[str]:
    starts, ranges, names = _scripts()
    found = set()
    for code in map(ord, word):
        index = bisect_right(starts, code) - 1
        if index >= 0 and code <= ranges[index][1]:
            found.add(names[ranges[index][2]])
    return frozenset(found - _OF_NO_SCRIPT)


def _belong_together(scripts: frozenset[str]) -> bool:
    if len(scripts) < 2 or any(scripts <= together for together in _TOGETHER):
        return True
    return len(scripts) == 2 and "LATIN" in scripts and not scripts & _NEVER_WITH_LATIN


@lru_cache(maxsize=1)
def _scripts() -> tuple[list[int], list[tuple[int, int, int, int]], list[str]]:
    """Return where each range of characters begins, the ranges, and the names of the scripts."""
    data = _read("categories.json")
    ranges = data["code_points_ranges"]
    return [begin for begin, *_ in ranges], ranges, data["iso_15924_aliases"]


def _read(name: str) -> Any:
    return json.loads((files("confusable_homoglyphs") / name).read_text(encoding="utf-8"))
