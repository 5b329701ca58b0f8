"""No self-registered app is called so that people take it for one of the operator's (rfc7591 §5, UTS #39)."""

import time
from dataclasses import replace

import pytest

from provider.protocol.look_alike import is_alike, mixes_scripts
from tests.factories import make_client
from tests.support.applications import opened
from tests.support.registering import Registrant

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def registrant(settings):
    open_to_all = replace(settings, registration="open", registration_limit="1000 per second")
    with opened(open_to_all) as app:
        make_client("bank", client_name="Red Bank", **{"client_name#de": "Rote Bank"})
        make_client("payroll", client_name=None)
        yield Registrant(app.test_client(use_cookies=False))


IMITATIONS = {
    "a soft hyphen": "Red\xad Bank",
    "a combining grapheme joiner": "Red\u034f Bank",
    "a zero-width joiner": "Red\u200d Bank",
    "a Hangul filler": "Red\u3164Bank",
    "a Hangul choseong filler": "Red\u115f Bank",
    "a half-width Hangul filler": "Red\uffa0Bank",
    "a Khmer inherent vowel": "Red\u17b4 Bank",
    "a braille blank": "Red\u2800Bank",
    "braille blanks around": "\u2800Red Bank\u2800",
    "a variation selector": "Red\ufe00 Bank",
    "a variation selector of the supplement": "Red\U000e0100 Bank",
    "a Mongolian variation selector": "Red\u180b Bank",
    "a tag character": "Red Bank\U000e0041",
    "an interlinear annotation": "Red\ufffa Bank",
    "a musical control": "Red\U0001d173 Bank",
    "a line separator": "Red\u2028Bank",
    "Cyrillic letters": "R\u0435d B\u0430nk",
    "a Greek letter": "Red B\u03b1nk",
    "mathematical letters": "\U0001d411\U0001d41e\U0001d41d \U0001d401\U0001d41a\U0001d427\U0001d424",
    "full-width letters": "\uff32ed Bank",
    "small capitals": "\u0280ed Bank",
    "an accent": "Red B\u00e1nk",
    "a dot below": "Red Ban\u0323k",
    "a no-break space": "Red\u00a0Bank",
    "no space": "RedBank",
    "case": "rED bANK",
    "the name in German": "R\u043ete Bank",
    "a client_id without a name": "Payroll",
    "a client_id without a name, with a one for an l": "Payro1l",
    "a client_id without a name, in Cyrillic": "\u0440\u0430\u0443\u0433oll",
}


@pytest.mark.parametrize("name", IMITATIONS.values(), ids=IMITATIONS)
def test_an_imitation_is_refused_in_every_language(registrant, name):
    for members in ({"client_name": name}, {"client_name": "Green", "client_name#de": name}):
        refused = registrant.register(**members)

        assert (refused.status_code, refused.json["error"]) == (400, "invalid_client_metadata")
        assert "client_name" in refused.json["error_description"]


HONEST = (
    *("Blue Bank", "Red Tank", "Bank", "Red", "Rotes Boot", "bank", "Caf\u00e9 Blau", "Gro\u00dfe Liste"),
    *("\u042f\u043d\u0434\u0435\u043a\u0441 Go", "\u65e5\u672cBank", "LINE\u30a2\u30d7\u30ea"),
    *("Grab\u0e41\u0e2d\u0e1b", "\u00b5Torrent", "\u05d7\u05e0\u05d5\u05ea", "\u0645\u062a\u062c\u0631"),
    *(
        "\ud55c\uad6d \uc571",
        "Love \u2764\ufe0f",
        "\U0001f600",
        "3D Studio",
        "\u0939\u093f\u0928\u094d\u0926\u0940",
    ),
)


def test_honest_names_are_registered(registrant):
    for name in HONEST:
        assert registrant.registered(client_name=name)["client_name"] == name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("P\u0430yPal", id="Latin and Cyrillic"),
        pytest.param("Sigm\u03b1", id="Latin and Greek"),
        pytest.param("\u13daBank", id="Latin and Cherokee"),
        pytest.param("\u0430\u03b1", id="Cyrillic and Greek"),
        pytest.param("\u3042\u0e01", id="Japanese and Thai"),
    ],
)
def test_a_word_has_one_script_or_those_that_are_written_together(registrant, name):
    refused = registrant.register(client_name=f"My {name}")

    assert (refused.status_code, refused.json["error"]) == (400, "invalid_client_metadata")
    assert "scripts" in refused.json["error_description"]


@pytest.mark.parametrize("name", ["\ufe0f", "\u0301", "\u2800", "\u3164", "\u180b", " \ufe0f "])
def test_a_name_of_nothing_is_none(registrant, name):
    assert registrant.register(client_name=name).json["error"] == "invalid_client_metadata"


def test_the_operator_may_take_any_name_and_a_client_keep_its_own(registrant):
    made = registrant.registered(client_name="Green Bank")
    make_client("red2", client_name="R\u0435d B\u0430nk")

    assert registrant.replace(made, client_name="Green Bank").status_code == 200


def test_a_long_name_costs_little():
    hostile = ("\u0315\u0300\u05ae\u0301" * 10_000, "\ufdfa" * 10_000, "\u0430" * 100_000, "\u2800" * 100_000)
    is_alike("a", "b")
    begun = time.process_time()
    for one in hostile:
        is_alike(one, "Red Bank")
        mixes_scripts(one)

    assert time.process_time() - begun < 0.1
