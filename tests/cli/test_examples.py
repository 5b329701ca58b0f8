"""Every command's help shows how it is used, and what it shows exists."""

import re
import shlex

import click
import pytest

from provider.cli import main


def commands(command: click.Command, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    found = {path: command} if path else {}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found |= commands(command.get_command(context, name), (*path, name))
    return found


COMMANDS = commands(main)
EXAMPLE = re.compile(r"\bcurfew ((?!: )[a-z].*)")


def examples(command: click.Command) -> list[list[str]]:
    """The examples of a command's help, as words; what follows in prose or in the shell is left out."""
    lines = (command.epilog or "").replace("\\\n", " ").splitlines()
    found = [
        match[1] for line in lines if "xample" in (command.epilog or "") and (match := EXAMPLE.search(line))
    ]
    return [shlex.split(re.split(r"\s{3,}| [<>|] ", line)[0]) for line in found]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_command_shows_how_it_is_used(path):
    assert examples(COMMANDS[path])


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_what_an_example_uses_exists(path):
    for words in examples(COMMANDS[path]):
        named = max(
            (known for known in COMMANDS if tuple(words[: len(known)]) == known), key=len, default=None
        )
        assert named, words
        options = {
            option
            for parameter in COMMANDS[named].params
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
        used = {word.partition("=")[0] for word in words if re.fullmatch(r"--[a-z-]+(=.*)?", word)}
        assert used <= options | {"--help"}, words
