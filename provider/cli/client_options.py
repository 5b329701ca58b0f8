"""The options of `curfew client`: one for each metadata field, made from its declaration."""

from collections.abc import Callable, Mapping
from dataclasses import Field
from datetime import timedelta
from typing import Any, TypeVar

import click

from provider.administration.clients import PRESELECTED, PRESELECTED_OPTIONS
from provider.cli.json_file import read_object
from provider.cli.plain_text import say
from provider.clients import options
from provider.clients.models import (
    Client,
    ConfirmSignOut,
    IDTokenClaims,
    LogoutTokenNames,
    OfflinePolicy,
    ResultPage,
)
from provider.clients.options import ClientOptions
from provider.config.values import read_list, read_timedelta
from provider.protocol.client_metadata import DECLARED, FIELDS
from provider.protocol.client_metadata_rules import kind_of

F = TypeVar("F", bound=Callable[..., Any])
_RESULT_PAGES = tuple(choice.value for choice in ResultPage)
_RESULT_PAGE = (
    "Whether a person sees the result of a sign-out before going back to the app: never, always, or "
    "when-pending, if an app has not confirmed within the notify budget; when-pending by default."
)
_TOKENS_OF = "Clients whose tokens it may exchange (rfc8693), comma separated."


class Span(click.ParamType[timedelta | str | None]):
    """A span of time such as `90s` or `30d`; empty to use the setting."""

    name = "span"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | str | None:
        """Read the span."""
        text = str(value)
        try:
            return read_timedelta(text) if text else ""
        except ValueError as exc:
            self.fail(f"{text[:40]!r} {exc}", param, ctx)


class ClientIDs(click.ParamType[tuple[str, ...] | str | None]):
    """Comma-separated client ids; empty for none."""

    name = "client_ids"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002 – the signature is Click's.
        ctx: click.Context | None,  # noqa: ARG002
    ) -> tuple[str, ...] | str | None:
        """Read the list."""
        return read_list(str(value)) or ""


def metadata_options(*, with_defaults: bool = False) -> Callable[[F], F]:
    """Give a command an option for every metadata field, and --metadata-json.

    `with_defaults` adds the default of a new client to the help of each option.
    """

    def decorate(command: F) -> F:
        for declared in reversed(DECLARED):
            command = _option_for(declared, _default_of(declared) if with_defaults else "")(command)
        return click.option(
            "--metadata-json",
            type=click.File(encoding="utf-8"),
            help="Metadata as a JSON object, or - for standard input; other options take precedence.",
        )(command)

    return decorate


_AS_BEFORE = f"{__name__}.told_of_expiry"


def _keep_as_before(ctx: click.Context, _param: click.Parameter, value: bool | None) -> None:
    """Remember the value that was given under the option's former name, and print the present name."""
    if value is not None:
        say("curfew: --told-of-expiry is now called --notify-of-expiry", err=True)
        ctx.meta[_AS_BEFORE] = value


def _or_as_before(ctx: click.Context, _param: click.Parameter, value: bool | None) -> bool | None:
    """Return the value, or that of the former name; Click processes given options before omitted ones."""
    return ctx.meta.get(_AS_BEFORE) if value is None else value


_OPERATORS = (
    click.option(
        "--first-party/--third-party",
        default=None,
        help="Whether it is the operator's own app, for which no consent is requested; third party by "
        "default.",
    ),
    click.option(
        "--offline-policy",
        type=click.Choice([policy.value for policy in OfflinePolicy]),
        help="How signing out of the browser affects its offline grants; keep by default.",
    ),
    click.option(
        "--confirm-sign-out",
        type=click.Choice([choice.value for choice in ConfirmSignOut]),
        help="Whether a person must confirm a sign-out that it requests; when_needed by default.",
    ),
    click.option("--result-page", type=click.Choice(list(_RESULT_PAGES)), help=_RESULT_PAGE),
    click.option(
        "--notify-of-expiry/--no-notify-of-expiry",
        "told_of_expiry",
        default=None,
        callback=_or_as_before,
        help="Whether it is notified when a session expires; enabled by default.",
    ),
    # The name of the option above until 0.2.0.
    click.option(
        "--told-of-expiry/--no-told-of-expiry",
        "told_of_expiry_as_before",
        default=None,
        hidden=True,
        expose_value=False,
        callback=_keep_as_before,
    ),
    click.option(
        "--logout-token-names",
        type=click.Choice([choice.value for choice in LogoutTokenNames]),
        help="Which claims its Logout Tokens carry: sub and sid (both, the default), sid for an app that "
        "ends every browser of a sub, or sub for an app that ignores sid.",
    ),
    click.option(
        "--id-token-claims",
        type=click.Choice([choice.value for choice in IDTokenClaims]),
        help="Claims about the person in its ID Tokens: the claims of the granted scopes (scopes, the "
        "default of a new client), or only those that a request names (requested).",
    ),
    click.option(
        "--grant-lifetime",
        type=Span(),
        help="Lifetime of its grants, such as 30d; CURFEW_GRANT_LIFETIME by default.",
    ),
    click.option(
        "--refresh-reuse-interval",
        type=Span(),
        help="Time within which a refresh may be repeated; CURFEW_REFRESH_REUSE_INTERVAL by default.",
    ),
    click.option("--deliver-to", help="Development only: address to which Logout Tokens are sent instead."),
    click.option(
        "--slow/--not-slow",
        default=None,
        help="Whether it needs longer to answer a Logout Token; not slow by default.",
    ),
    click.option(
        "--session-lifetime",
        type=Span(),
        help="Lifetime of the app's own sessions; it is not notified of the end of older ones. "
        "Unknown by default.",
    ),
    click.option(
        "--refuse-when-degraded-for",
        type=Span(),
        help="Refuse new sign-ins to it once its logout endpoint has been degraded for this long, such as "
        "4h; by default only a warning is given.",
    ),
    click.option("--may-exchange-tokens-of", type=ClientIDs(), help=_TOKENS_OF),
)

unwise_redirect_uris_option = click.option(
    "--unwise-redirect-uris",
    is_flag=True,
    help="Accept redirect URIs for which others may receive what is sent: an app's scheme without a dot (any "
    "app may claim it), http in a local network (anyone there can read it). What was accepted stays.",
)


def operator_options(command: F) -> F:
    """Give a command the options that the operator decides."""
    for option in reversed(_OPERATORS):
        command = option(command)
    return command


def named_metadata(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that a command gives: the JSON document, overridden by the options."""
    document = given["metadata_json"]
    asked = {} if document is None else read_object(document, "--metadata-json")
    for name in FIELDS:
        value = given[name]
        if value is None or value == ():
            continue
        # An empty text removes a field: `--logo-uri ""`.
        asked[name] = read_object(value, "--jwks") if name == "jwks" else _without_empty(value)
    return asked


def asked_options(
    given: Mapping[str, Any], client: Client | None = None, *, preset: Mapping[str, Any] | None = None
) -> ClientOptions:
    """Return the operator's options: those of the client or of a preset, overridden by the given ones."""
    values = options.values_of(client) if client else PRESELECTED_OPTIONS | dict(preset or {})
    for name in options.NAMES:
        if given[name] is not None:
            values[name] = given[name] if given[name] != "" else None
    return options.from_values(values)


def leaves_method_open(named: Mapping[str, Any]) -> bool | None:
    """Return whether a command accepts any method of sending the secret; None if it does not mention it."""
    method = "token_endpoint_auth_method"
    return named[method] is None if method in named else None


def flag_of(name: str) -> str:
    """Return the option name of a field, in the singular if it is repeatable."""
    kind = kind_of(next(declared.type for declared in DECLARED if declared.name == name))
    return "--" + (name.removesuffix("s") if kind is tuple else name).replace("_", "-")


def _default_of(declared: "Field[Any]") -> str:
    """Return a sentence that names the default of a field, or an empty text if it has none."""
    value: Any = PRESELECTED.get(declared.name, declared.default)
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        value = flag_of(declared.name) if value else f"--no-{flag_of(declared.name)[2:]}"
    return f" Default: {value if isinstance(value, str) else ', '.join(value)}."


def _option_for(declared: "Field[Any]", default: str = "") -> Callable[[F], F]:
    kind, flag = kind_of(declared.type), flag_of(declared.name)
    meaning = declared.metadata["meaning"] + default
    if kind is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", declared.name, default=None, help=meaning)
    if kind is dict:
        return click.option(flag, declared.name, type=click.File(encoding="utf-8"), help=f"{meaning} A file.")
    if kind is tuple:
        return click.option(flag, declared.name, multiple=True, help=f"{meaning} Repeatable.")
    return click.option(flag, declared.name, type=kind, help=meaning)


def _without_empty(value: Any) -> Any:
    if isinstance(value, tuple):
        return [item for item in value if item != ""]
    return None if value == "" else value
