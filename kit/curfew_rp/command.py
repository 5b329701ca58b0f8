"""The command `curfew-rp`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from curfew_rp import probe
from curfew_rp.checking import command as checking
from curfew_rp.gate import command as gate_command

_SECONDS_PER_MILLISECOND = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0, 1 if it failed, 2 for wrong arguments."""
    asked = _parser().parse_args(arguments)
    try:
        code: int = asked.run(asked)
    except (probe.ProbeFailed, gate_command.GateFailed, checking.CannotCheck) as exc:
        print(f"curfew-rp: {exc}", file=sys.stderr)  # noqa: T201 – a command speaks to its terminal.
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="curfew-rp", description="Tools for apps and APIs that sign people out."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_probe(commands.add_parser("probe", help="measure how long an API lets calls in after a logout"))
    checking.add_arguments(commands.add_parser("check", help=checking.SUMMARY))
    gate = commands.add_parser("gate", help="sign people in before a proxy passes their requests to an app")
    gate_command.add_arguments(gate)
    return parser


def _add_probe(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=_probe)
    command.add_argument("url", help="an address of the API that answers GET with a bearer token")
    command.add_argument(
        "--token-command",
        required=True,
        help="signs in and prints an access token; if another one ends the session, on a second line",
    )
    end = command.add_mutually_exclusive_group(required=True)
    end.add_argument(
        "--end-url", help="ends the session by POST with the token, and answers when it is committed"
    )
    end.add_argument("--end-command", help="ends the session; the token is in CURFEW_RP_TOKEN")
    command.add_argument("--rounds", type=_positive, default=20, help="how often it is measured (20)")
    command.add_argument("--give-up-after", type=float, default=900.0, help="seconds (900)")
    command.add_argument("--json", action="store_true", help="print the result as JSON, in seconds")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _probe(asked: argparse.Namespace) -> int:
    end = partial(probe.end_by_request, asked.end_url)
    if asked.end_command:
        end = partial(probe.end_by_command, asked.end_command)
    result = probe.measure(
        asked.url,
        get_tokens=partial(probe.tokens_by_command, asked.token_command),
        end=end,
        rounds=asked.rounds,
        give_up_after=asked.give_up_after,
    )
    print(json.dumps(asdict(result)) if asked.json else _sentence(result))  # noqa: T201
    return 0


def _sentence(result: probe.Result) -> str:
    spans = (("p50", result.p50), ("p99", result.p99), ("longest", result.longest))
    waits = ", ".join(f"{name} {span * _SECONDS_PER_MILLISECOND:.0f} ms" for name, span in spans)
    return f"{result.mode}, {result.rounds} logouts: first refusal after {waits}"
