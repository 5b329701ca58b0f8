"""Every sentence of the pages exists in every language, and the right language is spoken."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment

import provider
from provider.web.i18n import LOCALES, gettext, ngettext

pytestmark = pytest.mark.lengthy

SOURCE = Path(provider.__file__).parent
PLACEHOLDER = re.compile(r"%\(\w+\)s|</?\w+>")
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]


KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}


def sentences() -> set[str | tuple[str, ...]]:
    """Each sentence; one about a number of things is a pair of singular and plural."""
    found = extract_from_dir(SOURCE, method_map=METHODS, keywords=KEYWORDS)
    return {sentence for _file, _line, sentence, _comments, _context in found if sentence}


def forms_of(sentence: str | tuple[str, ...]) -> tuple[str, ...]:
    return (sentence,) if isinstance(sentence, str) else tuple(sentence)


@pytest.mark.parametrize("locale", sorted(set(LOCALES) - {"en"}))
def test_a_catalogue_says_every_sentence_of_the_source_and_no_other(locale):
    with (SOURCE / "web" / "translations" / f"{locale}.po").open("rb") as file:
        catalogue = {message.id: message.string for message in read_po(file) if message.id}

    assert set(catalogue) == sentences()
    assert all(all(forms_of(said)) for said in catalogue.values())


def test_a_translation_keeps_the_places_and_the_markup_of_its_sentence():
    with (SOURCE / "web" / "translations" / "de.po").open("rb") as file:
        messages = [message for message in read_po(file) if message.id]

    for message in messages:
        for said, source in zip(forms_of(message.string), forms_of(message.id), strict=True):
            assert sorted(PLACEHOLDER.findall(said)) == sorted(PLACEHOLDER.findall(source))


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        pytest.param("de-AT, en;q=0.5", "de", id="a region of a language we speak"),
        pytest.param("fr, de;q=0.3", "de", id="the best that we speak"),
        pytest.param("fr", "en", id="a language that we do not speak is no error"),
        pytest.param("", "en", id="no wish"),
    ],
)
def test_a_page_speaks_the_language_of_the_browser(http, accepted, spoken):
    page = http.get("/", headers={"Accept-Language": accepted} if accepted else {})

    assert f'<html lang="{spoken}">' in page.text
    assert "Accept-Language" in page.headers["Vary"]


@pytest.mark.parametrize("language", LOCALES)
def test_a_template_gets_the_same_sentences_as_from_the_extension_of_jinja(app, language):
    alone = Environment(autoescape=True, extensions=["jinja2.ext.i18n"])
    alone.install_gettext_callables(gettext, ngettext, newstyle=True)
    template = (
        "{% trans app=name %}Continue to {{ app }}{% endtrans %} {% trans %}Continue{% endtrans %} "
        "{% trans %}100 % of <b>this</b>{% endtrans %} {{ _('New password') }} {{ _('%(app)s', app=name) }}"
    )

    with app.test_request_context(headers={"Accept-Language": language}):
        own, plain = (
            environment.from_string(template).render(name="<i>Ada & Ben</i> 5 %")
            for environment in (app.jinja_env, alone)
        )

    assert own == plain
    assert "&lt;i&gt;Ada &amp; Ben" in own
    assert "100 % of <b>this</b>" in own
