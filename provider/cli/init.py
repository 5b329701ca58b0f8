"""`curfew init`: create settings file, secret key, database and first person, in one repeatable step."""

import shlex
import sys
from pathlib import Path

import click

from provider.cli.account_link import account_link
from provider.cli.context import application, one_line_errors, refuse_read_only_database
from provider.cli.output import json_option, show_json
from provider.cli.plain_text import say
from provider.cli.settings_draft import agreed, chosen, draft_of, reading
from provider.cli.user_options import read_password
from provider.config import load_settings

_SHOP = (
    "--redirect-uri https://shop.example/callback "
    "--backchannel-logout-uri https://shop.example/backchannel-logout"
)


@click.command(
    epilog="""\b
Examples:
  curfew init                                 asks for what it needs
  curfew init --issuer http://localhost:8900
  echo "$PASSWORD" | curfew init --config /etc/curfew/curfew.toml --data-dir /var/lib/curfew \\
    --issuer https://id.example --database-url postgresql+psycopg://curfew@db/curfew --user ada --json

Running it again changes nothing that is there. Run it as the user that runs the provider: only that user can
read the files it writes.
"""
)
@click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="CURFEW_CONFIG",
    default="curfew.toml",
    show_default=True,
    help="The settings file to write.",
)
@click.option("--issuer", envvar="CURFEW_ISSUER", metavar="URL", help="The https URL that people use.")
@click.option(
    "--data-dir",
    envvar="CURFEW_DATA_DIR",
    metavar="FOLDER",
    help="Folder of the key and the embedded database; `data` beside the settings file by default.",
)
@click.option(
    "--database-url",
    envvar="CURFEW_DATABASE_URL",
    metavar="URL",
    help="PostgreSQL; SQLite in the data folder by default.",
)
@click.option(
    "--broker-url", envvar="CURFEW_BROKER_URL", metavar="URL", help="Redis or Valkey; none by default."
)
@click.option("--user", metavar="NAME", help="The first person; the password is read from standard input.")
@json_option
def init(*, path: Path, user: str | None, as_json: bool, **options: str | None) -> None:
    """Set up a provider: settings file, secret key, database and the first person."""
    file = path.expanduser().absolute()
    is_new = not file.exists()
    given = {name: value for name, value in options.items() if value is not None}
    if is_new:
        with draft_of(file, chosen(given, beside=file)) as draft, reading(draft):
            made, link = _set_up(user)
            made.insert(0, "settings_file")
    else:
        agreed(given, file)
        with reading(file):
            made, link = _set_up(user)
    _report(file, made, link, as_json=as_json)


def _set_up(user: str | None) -> tuple[list[str], str | None]:
    """Make what is missing with the settings in force; return its names, and the administrator's link."""
    return [*_make_database(), *_add_person(user)], _offer_administration()


def _make_database() -> list[str]:
    from provider.cli.migrating import migrate

    key_file = _key_file()
    had_key = key_file is None or key_file.exists()
    with application(migrated=False), one_line_errors():
        refuse_read_only_database()
        before, after = migrate()
    return [name for name, is_made in (("secret_key", not had_key), ("database", before != after)) if is_made]


def _key_file() -> Path | None:
    """Return the path of the key file; None if the key is in a setting or the settings are invalid."""
    from provider.config import WrongSettings

    try:
        settings = load_settings()
    except WrongSettings:
        return None
    return None if settings.secret_key else settings.data_dir / "secret.key"


def _add_person(user: str | None) -> list[str]:
    from provider.accounts import queries
    from provider.administration import accounts
    from provider.infrastructure import database

    with application(), one_line_errors():
        with database.reading():
            has_people = bool(queries.list_accounts(limit=1))
        if user is None and sys.stdin.isatty() and not has_people:
            question = "User name of the first person (empty: none)"
            user = click.prompt(question, "", show_default=False, err=True)
        # No transaction is open while a person types.
        with database.reading():
            is_known = user is not None and queries.find_by_username(user) is not None
        if not user or is_known:
            return []
        password = read_password()
        with database.transaction():
            accounts.add(user, password, {})
        return ["user"]


def _offer_administration() -> str | None:
    """Make the first administrator's one-time link; None if there is an administrator or an open link."""
    from provider.administration import roles
    from provider.infrastructure import database

    with application(), one_line_errors():
        with database.transaction():
            offered = roles.offer_first()
        return offered and account_link("pages.first_administrator", offered[1])


def _report(file: Path, made: list[str], link: str | None, *, as_json: bool) -> None:
    with reading(file):
        settings = load_settings()
    prefix = f"CURFEW_CONFIG={shlex.quote(str(file))} curfew"
    next_commands = [f"{prefix} serve --with-worker", f"{prefix} client add --client-id shop {_SHOP}"]
    if as_json:
        shown = {"settings_file": str(file), "issuer": settings.issuer, "data_dir": str(settings.data_dir)}
        show_json(shown | {"made": made, "administrator_link": link, "next": next_commands})
        return
    key_file = settings.data_dir / "secret.key"
    sentences = {
        "settings_file": f"Wrote {file}.",
        "secret_key": f"Made {key_file}: keep a copy, the database cannot be used without it.",
        "database": "Brought the database up to date.",
        "user": "Added the account.",
    }
    for name in made:
        say(sentences[name])
    if not made:
        say(f"Nothing to do: {file}, its key and its database are in place.")
    say("\nNext:")
    for command in next_commands:
        say(f"  {command}")
    if link:
        say("\nOnce it is served, open this link within an hour to become the first administrator:")
        say(f"  {link}")
