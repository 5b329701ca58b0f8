"""Reports wrong use of a command in one line, like every other error."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from provider.cli.plain_text import say


class WrongUse(click.ClickException):
    """A usage error in one line that points to the help."""

    exit_code = 2

    def __init__(self, error: click.UsageError) -> None:
        sentence = " ".join(error.format_message().split())
        where = f" (see `{error.ctx.command_path} --help`)" if error.ctx else ""
        super().__init__(f"{sentence}{where}")

    def show(self, file: object = None) -> None:  # noqa: ARG002 – the signature is click's.
        """Print the error on standard error."""
        say(f"curfew: {self.message}", err=True)


@contextmanager
def usage_in_one_line() -> Iterator[None]:
    """Turn click's usage errors of four lines into one; a call without arguments still shows the help."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as exc:
        raise WrongUse(exc) from exc
