"""A setting or an option that cannot be meant so is one line and an exit code, in a moment."""

import time
from dataclasses import fields
from datetime import timedelta

import pytest

from provider.config import Settings, WrongSettings
from provider.config.load import load_settings
from provider.config.values import LONGEST_SPAN, read_timedelta

# A process of a busy machine is given this much of a processor for one command.
CPU_SECONDS = 1.0
SPANS = {
    "400 digits": "9" * 400 + "s",
    "400 digits without a unit": "9" * 400,
    "400 digits behind the point": "1." + "9" * 400 + "s",
    "32,000 digits": "9" * 32_000,
    "32,000 digits and units": "9d" * 16_000,
    "digits of another script": "٣s",
    "full-width digits": "３０s",
    "a superscript": "²s",
    "beyond the calendar": "999999999d",
    "a little more than the longest": "36500d 1s",
    "an exponent": "1e9s",
    "not a number": "nan",
    "infinity": "inf",
    "negative": "-1s",
    "a sign": "+1s",
    "an underscore": "1_000s",
    "nothing": " ",
}


@pytest.fixture
def database_url(own_sqlite):
    """Nothing here depends on the kind of database."""
    return own_sqlite


@pytest.fixture
def red(curfew):
    curfew("client", "add", "--client-id", "red", "--redirect-uri", "https://red.test/cb")


@pytest.mark.parametrize("span", SPANS.values(), ids=SPANS)
def test_no_setting_takes_a_span_that_is_none(span):
    begun = time.process_time()
    with pytest.raises(WrongSettings) as refused:
        load_settings({"CURFEW_SESSION_LIFETIME": span})

    assert [problem[:20] for problem in refused.value.problems] == ["session_lifetime is "]
    assert max(map(len, refused.value.problems)) < 200
    assert time.process_time() - begun < CPU_SECONDS


@pytest.mark.parametrize("url", ["{}://[::1", "{}://a:99999", "{}://a:x"])
@pytest.mark.parametrize(("name", "scheme"), [("issuer", "https"), ("broker_url", "redis")])
def test_no_setting_takes_a_url_that_is_none(name, scheme, url):
    with pytest.raises(WrongSettings) as refused:
        load_settings({f"CURFEW_{name.upper()}": url.format(scheme)})

    assert refused.value.problems == [f"{name} must be a URL"]


@pytest.mark.parametrize("host", ["https://a.test", "a.test:8443", "A.test", "a test"])
def test_a_trusted_host_is_a_host_alone(host):
    with pytest.raises(WrongSettings, match="registration_trusted_hosts must hold host names"):
        load_settings({"CURFEW_REGISTRATION_TRUSTED_HOSTS": host})


def test_a_wrong_setting_is_one_line_and_an_exit_code(curfew):
    output = curfew("settings", code=2, CURFEW_SESSION_LIFETIME="9" * 32_000)

    assert output.err == "curfew: session_lifetime is not a time span like 90s, 5m, 1h 30m or 180d\n"


def test_no_option_takes_one_either(curfew, red):
    commands = {
        "--overlap": ("client", "rotate-secret", "red", "--overlap"),
        "--grant-lifetime": ("client", "update", "red", "--grant-lifetime"),
        "--since": ("audit", "list", "--since"),
    }
    for span in SPANS.values():
        for option, command in commands.items():
            begun = time.process_time()
            output = curfew(*command, span, code=2)

            assert option in output.err
            assert len(output.err.splitlines()) == 1
            assert len(output.err) < 300
            assert time.process_time() - begun < CPU_SECONDS


def test_the_longest_span_is_taken_everywhere(curfew, red):
    longest = f"{LONGEST_SPAN.days}d"

    assert read_timedelta(longest) == LONGEST_SPAN
    curfew("settings", CURFEW_SESSION_LIFETIME=longest, CURFEW_GRANT_LIFETIME=longest)
    curfew("client", "update", "red", "--grant-lifetime", longest)
    curfew("audit", "list", "--since", longest)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90", timedelta(seconds=90)),
        ("1.5h", timedelta(minutes=90)),
        ("1h 30m", timedelta(minutes=90)),
        ("250 ms", timedelta(milliseconds=250)),
        (" 180D ", timedelta(days=180)),
        ("0", timedelta(0)),
    ],
)
def test_what_people_write_is_read(text, span):
    assert read_timedelta(text) == span


@pytest.mark.parametrize("instant", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "٢٠٢٦-11-20"])
def test_an_instant_outside_the_calendar_is_none(curfew, instant):
    assert "--since" in curfew("audit", "list", "--since", instant, code=2).err


HOSTILE = (
    *("", " ", "٣", "-1", "1e9", "9" * 400, "9" * 5000, "nan", "\x00", "\ud800", "x" * 10_000, "https://["),
    *("http://localhost:٣", "https://op.test:x", "a,b", "{", "[::1", "/\x00", "10 per ٣ minutes"),
    *("9" * 400 + " per minute", "1 per " + "9" * 400 + " days"),
)


@pytest.mark.parametrize("name", [declared.name for declared in fields(Settings)])
def test_no_text_of_any_setting_is_a_defect(name):
    for text in HOSTILE:
        try:
            load_settings({f"CURFEW_{name.upper()}": text})
        except WrongSettings as exc:
            longest = max(map(len, exc.problems))
        else:
            longest = 0
        assert longest < 500, text[:20]


DOCUMENTS = {
    "a name twice": '{"client_name": "Red", "client_name": "Blue"}',
    "a number that is none": '{"client_name": "Red", "default_max_age": NaN}',
    "very deep": '{"a": ' + "[" * 100_000,
    "a list": "[]",
    "no JSON": "{",
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_with_two_meanings_or_none_is_refused(curfew, document):
    client = curfew("client", "add", "--metadata-json", "-", stdin=document, code=2)

    assert client.err.startswith("curfew: Invalid value for --metadata-json: is not a JSON object: ")
    assert curfew("client", "list", "--json").json == []
