"""The language of pages: English in the source, others as catalogues that are read at the start.

The app's `ui_locales` come first (core §3.1.2.1), then the browser's languages, then the setting.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel.dates import format_date, format_time, format_timedelta, get_datetime_format
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask
from flask.globals import _cv_request as _context
from markupsafe import Markup

from provider.infrastructure import clock, current
from provider.web.notes import notes

_SOURCE = "en"
_HAS_TIMES = "has_times"
# More than there are sentences in all languages.
_MOST_KEPT = 4096
_CATALOGUES = Path(__file__).parent / "translations"


def _read(path: Path) -> Translations:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.stem)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


_TRANSLATIONS: dict[str, NullTranslations] = {_SOURCE: NullTranslations()} | {
    path.stem: _read(path) for path in sorted(_CATALOGUES.glob("*.po"))
}
LOCALES = tuple(_TRANSLATIONS)


def install(app: Flask) -> None:
    """Give an application's templates the translations."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    # The extension adds this function to the environment, whose type does not declare it.
    app.jinja_env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals["gettext"] = _sentence
    app.jinja_env.globals["locale"] = locale
    app.jinja_env.filters["instant"] = instant
    app.jinja_env.filters["moment"] = moment
    app.jinja_env.filters["instant_and_age"] = instant_and_age
    app.jinja_env.globals["has_times"] = has_times


def speak(ui_locales: str) -> None:
    """Use the first supported language of a list; unsupported ones are ignored."""
    language = _first_known(ui_locales.split())
    if language:
        notes()["locale"] = language


def locale() -> str:
    """Return the language of this page."""
    context = _context.get(None)
    if context is None:
        return _SOURCE
    noted = notes()
    if "locale" not in noted:
        asked = _first_known(context.request.accept_languages.values())
        noted["locale"] = asked or current.settings().default_locale
    return str(noted["locale"])


def _first_known(tags: Iterable[str]) -> str | None:
    """Return the first supported language; a regional variant gets the language without its region."""
    languages = (tag.replace("_", "-").partition("-")[0].lower() for tag in tags)
    return next((language for language in languages if language in LOCALES), None)


def gettext(message: str) -> str:
    """Return a sentence in the language of this page."""
    return str(_TRANSLATIONS[locale()].gettext(message))


def _sentence(message: str, /, **values: object) -> Markup:
    """Return a template's sentence in the language of this page, with escaped values.

    Like the extension's own function, which looks at context and message each time.
    """
    language = locale()
    return _marked(language, message) % values if values else _plain(language, message)


@lru_cache(maxsize=_MOST_KEPT)
def _marked(language: str, message: str) -> Markup:
    return Markup(_TRANSLATIONS[language].gettext(message))  # noqa: S704 – from our templates and catalogues.


@lru_cache(maxsize=_MOST_KEPT)
def _plain(language: str, message: str) -> Markup:
    # A sentence without values is a format, too: it writes a percent sign twice.
    return _marked(language, message) % {}


def ngettext(singular: str, plural: str, n: int) -> str:
    """Return a sentence about a number of things in the language of this page."""
    return str(_TRANSLATIONS[locale()].ngettext(singular, plural, n))


def instant(at: datetime) -> Markup:
    """Return an instant as an element, in UTC; a script shows it in the browser's time zone."""
    at = at.astimezone(UTC)
    date = format_date(at, "medium", locale=locale())
    time = format_time(at, "short", tzinfo=UTC, locale=locale())
    words = str(get_datetime_format("medium", locale=locale())).format(time, date)
    return _time(at, words, form="date", timespec="seconds")


def moment(at: datetime) -> Markup:
    """Return the time of day of a recent event, to the second."""
    at = at.astimezone(UTC)
    time = format_time(at, "medium", tzinfo=UTC, locale=locale())
    return _time(at, str(time), form="time", timespec="milliseconds")


def instant_and_age(at: datetime) -> Markup:
    """Return an instant and how long ago it was, or how far it is away."""
    return Markup("{} ({})").format(instant(at), age(at))


def age(at: datetime) -> str:
    """Return how long ago an instant was, or how far it is away, in one unit of time."""
    return str(format_timedelta(at - clock.now(), add_direction=True, locale=locale()))


def has_times() -> bool:
    """Return whether this page has shown an instant so far."""
    return bool(notes().get(_HAS_TIMES))


def _time(at: datetime, words: str, *, form: str, timespec: str) -> Markup:
    notes()[_HAS_TIMES] = True
    title = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" data-form="{}" title="{}">{} UTC</time>').format(
        at.isoformat(timespec=timespec), form, title, words
    )
