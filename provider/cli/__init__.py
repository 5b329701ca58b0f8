"""The `curfew` command, for operators: every administrative act that needs no browser.

Each command owns one transaction, writes its audit entry in it, and speaks in tables to people and in
JSON to programs. Knows every room, but no HTTP.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from provider.cli.wrong_use import usage_in_one_line

# Commands are imported only when called, so that the others start and print their help quickly.
COMMANDS = {
    "init": ("provider.cli.init:init", "Set up a provider: settings, key, database, first person."),
    "demo": ("demo.commands:demo", "Run a provider, a worker and three apps on this machine."),
    "demo-check": ("demo.commands:demo_check", "Play a sign-out through HTTP and report the result."),
    "dev": ("provider.cli.dev:dev", "Run a provider for development, without settings."),
    "serve": ("provider.cli.serve:serve", "Serve the provider."),
    "worker": ("provider.cli.worker:worker", "Deliver sign-outs and do the periodic duties."),
    "db": ("provider.cli.db:db", "Bring the database up to date."),
    "settings": ("provider.cli.settings:settings", "Show every setting, and problems in production."),
    "version": ("provider.cli.version:version", "Show the version and its requirements."),
    "client": ("provider.cli.client:client", "Register and change relying parties."),
    "resource": ("provider.cli.resource:resource", "Register resource servers for access tokens."),
    "initial-access-token": (
        "provider.cli.initial_access_token:initial_access_token",
        "Manage tokens for client registration.",
    ),
    "user": ("provider.cli.user:user", "Add and change the people who sign in."),
    "session": ("provider.cli.session:session", "List and end sessions."),
    "grant": ("provider.cli.grant:grant", "List and revoke grants."),
    "token": ("provider.cli.token:token", "List and revoke service tokens."),
    "logout": ("provider.cli.logout:logout", "End sessions of a person, a client, a time or everyone."),
    "receipt": ("provider.cli.receipt:receipt", "Verify the receipt of a logout, without a database."),
    "delivery": ("provider.cli.delivery:delivery", "See which apps were notified; retry or cancel."),
    "doctor": ("provider.cli.doctor:doctor", "Try an app's logout endpoint with good and bad tokens."),
    "check": ("provider.cli.check:check", "Check the database for inconsistencies."),
    "export": ("provider.cli.configuration:export_", "Write clients, resources and roles as a file."),
    "plan": ("provider.cli.configuration:plan_", "Show what applying files would change."),
    "apply": ("provider.cli.configuration:apply_", "Make the provider what files say."),
    "import": ("provider.cli.import_:import_", "Take over clients and people of another provider."),
    "keys": ("provider.cli.keys:keys", "See and rotate the signing keys."),
    "audit": ("provider.cli.audit:audit", "Read and verify the audit log."),
}

# These commands are not part of a server installation: they are in a package of the project's checkout.
_OF_THE_CHECKOUT = ("demo", "demo-check")
_DEMO = Path(__file__).resolve().parents[2] / "demo" / "commands.py"
DISTRIBUTION = "curfew-op"
LONGEST_NAME = 128


def available() -> list[str]:
    """Return the names of the commands that this installation has."""
    has_demo = _DEMO.is_file()
    return [name for name in COMMANDS if has_demo or name not in _OF_THE_CHECKOUT]


def read_name(name: str | None) -> str | None:
    """Read the name under which an operator acts."""
    if name is None:
        return None
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise click.BadParameter(f"must be 1 to {LONGEST_NAME} printable characters", param_hint="--as")
    return name.strip()


class LazyGroup(click.Group):
    """A group whose commands are imported by name when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 – the signature is click's.
        """Return the names in the order of the table."""
        return available()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 – the same.
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in available():
            raise click.UsageError(f"{cmd_name} comes with the project's checkout: make {cmd_name}")
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the options before the command's name; report invalid ones in one line."""
        with usage_in_one_line():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; report invalid usage in one line."""
        with usage_in_one_line():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 – the same.
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in available()])


@click.command(
    cls=LazyGroup,
    name="curfew",
    epilog="""\b
Examples:
  curfew init --issuer http://localhost:8900
  curfew serve --with-worker
  curfew user add ada --claim name="Ada Lovelace"
  curfew client add --client-id red --redirect-uri https://red.example/callback
  curfew session end --account ada
  curfew --as cleo user disable ben      the audit then names Cleo

Every command says more with --help. Settings come from CURFEW_… variables or from the file that
CURFEW_CONFIG names. Exit codes: 0 done, 1 refused or failed, 2 invalid usage or settings, 3 the database
needs `curfew db upgrade`, 4 it is read-only, 5 it is an older copy, 6 try again.
""",
)
@click.version_option(package_name=DISTRIBUTION, prog_name="curfew")
@click.option(
    "--as",
    "acting_as",
    metavar="NAME",
    envvar="CURFEW_AS",
    callback=lambda _context, _parameter, name: read_name(name),
    help="Your name in the audit log; by default your user on this system and its host.",
)
def main(acting_as: str | None) -> None:
    """Run and administer an OpenID Provider whose sign-out is real."""
