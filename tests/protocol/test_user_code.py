"""The code that a person types (rfc8628 §6.1)."""

import pytest

from provider.protocol import user_code


@pytest.mark.spec("rfc8628 1")
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        pytest.param("WDJB-MJHT", "WDJBMJHT", id="as it is shown"),
        pytest.param("wdjbmjht", "WDJBMJHT", id="small letters and no separator"),
        pytest.param(" wdjb mjht ", "WDJBMJHT", id="spaces"),
        pytest.param("W.D_J–B/M:J H\tT", "WDJBMJHT", id="whatever stands between the letters"),
        pytest.param("WDJB-MJH", None, id="one letter is missing"),
        pytest.param("WDJB-MJHTT", None, id="one letter too many"),
        pytest.param("WDJA-MJHT", None, id="a vowel, which no code has"),
        pytest.param("WDJ8-MJHT", None, id="a digit, which no code has"),
        pytest.param("ＷＤＪＢＭＪＨＴ", None, id="letters that only look like ours"),
        pytest.param("", None, id="nothing"),
        pytest.param("W" * 100_000, None, id="far too much"),
    ],
)
def test_what_a_person_typed(typed, code):
    assert user_code.read(typed) == code


def test_a_code_is_shown_in_two_groups():
    assert user_code.shown("WDJBMJHT") == "WDJB-MJHT"


@pytest.mark.spec("rfc8628 1")
def test_there_are_codes_enough_that_none_is_guessed_while_it_lives():
    """With ten attempts in ten minutes, one guess in 2 ** 31 finds a given code."""
    assert len(user_code.LETTERS) ** user_code.LENGTH / 10 > 2**31
