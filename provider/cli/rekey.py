"""`curfew keys rekey`: replace the key-encryption key, and reseal everything with the newest data key."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import click

from provider.accounts import hash_sealing
from provider.administration import secret_key
from provider.audit import chain
from provider.cli.context import with_app
from provider.cli.output import json_option, show_json
from provider.cli.plain_text import say
from provider.clients import secrets as client_secrets
from provider.infrastructure import current, data_keys
from provider.infrastructure.database import transaction
from provider.infrastructure.secrets import read_key_file
from provider.keys import lifecycle

_BATCH = 500
# Reseals a batch of rows after the given one; returns how many, and the last one, or None at the end.
SealSome = Callable[[UUID | None, int], tuple[int, UUID | None]]


@click.command(
    epilog="""\b
Examples:
  curfew keys rekey --new-key-file new.key      both keys work from now on
  curfew keys rekey --finish                    run with the new key: the old one no longer opens anything
  curfew keys rekey                             after an upgrade: encrypts older password hashes
"""
)
@click.option(
    "--new-key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the new secret key; created with mode 600 if it does not exist.",
)
@click.option("--finish", is_flag=True, help="Remove the old secret key, once every process has the new one.")
@json_option
@with_app
def rekey(*, new_key_file: Path | None, finish: bool, as_json: bool) -> None:
    """Replace the secret key (the key-encryption key) without downtime.

    With --new-key-file, signing keys, client secrets and password hashes are encrypted again, and from then
    on both the old and the new key open them. Set the new one for every process, restart them in any order,
    and run it again with --finish. Each step can be interrupted and repeated. No process of an earlier
    release may be running.
    """
    if finish and new_key_file:
        raise click.UsageError("--new-key-file and --finish are two steps: restart the processes in between")
    if new_key_file:
        _begin(new_key_file)
    else:
        with transaction():
            data_keys.establish(current.data_keys())
    counts = _seal_everything()
    removed = _finish() if finish else 0
    if as_json:
        show_json(counts | {"generation": current.secret_box().generation, "removed": removed})
        return
    for name, count in counts.items():
        say(f"{name.replace('_', ' ').capitalize()}: {count} re-encrypted.")
    if new_key_file:
        say(f"Both secret keys work now. Set the one in {new_key_file} for every process and restart them;")
        say("then run `curfew keys rekey --finish` with it. Until then the old key opens the database, too.")
    if finish:
        say("The secret key that is set is the only one." if removed else "No other secret key was set.")


def _begin(path: Path) -> None:
    successor = read_key_file(path)
    with transaction():
        secret_key.begin_replacement(successor)


def _seal_everything() -> dict[str, int]:
    """Reseal everything that is stored sealed with the newest data key, in small transactions."""
    with transaction():
        signing_keys = lifecycle.seal_anew()
    return {
        "signing_keys": signing_keys,
        "client_secrets": _in_batches(client_secrets.seal_anew),
        "passwords": _in_batches(hash_sealing.seal_anew),
    }


def _in_batches(seal_some: SealSome) -> int:
    total, after = 0, None
    while True:
        with transaction():
            count, after = seal_some(after, _BATCH)
        total += count
        if after is None:
            return total


def _finish() -> int:
    # Entries made under former data keys must be linked before the entry that invalidates those keys.
    _link_all()
    with transaction():
        removed = secret_key.finish_replacement()
    _link_all()
    return removed


def _link_all() -> None:
    linked = 1
    while linked:
        with transaction():
            linked = chain.seal()
