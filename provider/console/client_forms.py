"""Forms to register a client for known software, and to change any field of a registered client."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from provider.administration import clients as acts
from provider.administration.clients import PRESELECTED, PRESELECTED_OPTIONS, ChangedMeanwhile, Registered
from provider.clients import options, recipes
from provider.clients.models import Client
from provider.clients.options import InvalidOption
from provider.clients.register import ClientIDTaken, InvalidClientID
from provider.console import gate
from provider.console.client_option_fields import fields_of, read_options
from provider.console.clients import get, ready_to_paste
from provider.console.gate import Administrator
from provider.console.guarded import page_route
from provider.console.layout import console_page, plain
from provider.infrastructure.database import reading
from provider.infrastructure.owned_objects import owner_of
from provider.protocol.client_metadata import DECLARED, ClientMetadata, InvalidClientMetadata
from provider.protocol.client_metadata_rules import CHOICES, kind_of
from provider.protocol.client_registration import read_registration
from provider.protocol.permissions import Permission
from provider.protocol.redirect_uri_rules import unwise_uris
from provider.web.redirects import redirect_to

# Fields that are shown even when empty.
_USUAL = ("client_name", "redirect_uris", "post_logout_redirect_uris", "backchannel_logout_uri")
_SHAPES: dict[type, str] = {tuple: "lines", bool: "yes", int: "number", dict: "json"}
_MISTAKES = (InvalidClientMetadata, InvalidOption, InvalidClientID, ClientIDTaken, recipes.UnusableRecipe)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A field of a client's metadata as a form shows it."""

    name: str
    # `text`, `choice`, `lines`, `yes`, `number` or `json`.
    shape: str
    value: str
    meaning: str
    is_set: bool = field(default=False)
    choices: tuple[str, ...] = ()


def choose() -> Response:
    """Show the kinds of software, or the form of one."""
    chosen = request.args.get("for", "")
    if chosen not in recipes.list_names():
        known = [recipes.load(name) for name in recipes.list_names()]
        return console_page("console/client_kinds.html", "console.clients", recipes=known)
    return _new_form(recipes.load(chosen), {})


def _new_form(
    recipe: recipes.Recipe, typed: Mapping[str, str], sentence: str | None = None, status: int = 200
) -> Response:
    return console_page(
        "console/client_new.html",
        "console.clients",
        status,
        recipe=recipe,
        typed=typed,
        sentence=sentence,
    )


def register() -> Response:
    """Register a client for this software and address, and show the secret, which is shown only once."""
    form = request.form
    software = form.get("for", "")
    if software not in recipes.list_names():
        return redirect_to("console.client_new")
    recipe = recipes.load(software)
    try:
        made = _register(recipe, form)
    except _MISTAKES as exc:
        return _new_form(recipe, form, f"Not registered: {exc}.", 400)
    return console_page(
        "console/client_made.html",
        "console.clients",
        client=made.client,
        secret=made.secret,
        service_tokens_ended=0,
        configuration=ready_to_paste(made.client),
    )


def _register(recipe: recipes.Recipe, form: "MultiDict[str, str]") -> Registered:
    asked = recipes.metadata_for(
        recipe,
        base_url=form.get("base_url", "").strip() or None,
        registration_id=recipes.DEFAULT_REGISTRATION_ID,
    )
    named: dict[str, Any] = {
        "client_name": form.get("client_name", "").strip(),
        "contacts": form.get("contact", "").split(),
    }
    asked |= {name: value for name, value in named.items() if value}
    metadata = read_registration(PRESELECTED | asked)
    chosen: dict[str, Any] = PRESELECTED_OPTIONS | dict(recipe.options)
    chosen["first_party"] = form.get("first_party") == "yes"
    decided = options.from_values(chosen)
    acts.check_reachable(metadata, decided)

    def add(who: Administrator) -> Registered:
        who.rights.check_over_scopes(metadata.scopes)
        client_id = form.get("client_id", "").strip() or None
        is_open = "token_endpoint_auth_method" not in asked
        return acts.register(
            metadata, decided, client_id=client_id, any_secret_method=is_open, recipe=recipe.name
        )

    return gate.act(Permission.CHANGE_CLIENTS, add, dangerous=True)


def edit(
    client_pk: UUID,
    typed: "MultiDict[str, str] | None" = None,
    sentence: str | None = None,
    status: int = 200,
) -> Response:
    """Show a form with every field of a client's registration and its meaning."""
    with reading():
        client = get(client_pk)
        owner = owner_of("client", client_pk)
    return console_page(
        "console/client_edit.html",
        "console.clients",
        status,
        client=client,
        owner=owner,
        fields=[_shown(one, client, typed) for one in DECLARED],
        options=fields_of(client, typed),
        sentence=sentence,
    )


def _shown(declared: Any, client: Client, typed: "MultiDict[str, str] | None") -> FormField:
    kind, name = kind_of(declared.type), declared.name
    value = getattr(client.metadata_, name)
    return FormField(
        name=name,
        shape="choice" if name in CHOICES else _SHAPES.get(kind, "text"),
        choices=CHOICES.get(name, ()),
        value=_written(kind, value) if typed is None else typed.get(name, ""),
        meaning=declared.metadata["meaning"],
        is_set=name in _USUAL or (name in client.registered and value not in (None, (), False)),
    )


def _written(kind: type, value: Any) -> str:
    """Return a value as the text of its field; `_value` is the inverse."""
    if value is None:
        return ""
    if kind is bool:
        return "yes" if value else ""
    if kind is tuple:
        return "\n".join(map(plain, value))
    return json.dumps(value, indent=2) if kind is dict else plain(str(value))


def change(client_pk: UUID) -> Response:
    """Change a client, unless it has changed since the form was shown."""
    client, form = get(client_pk), request.form
    try:
        seen_at = datetime.fromisoformat(form.get("seen_at", ""))
        metadata = _read(client, form)
        _change(client, metadata, seen_at, form)
    except (*_MISTAKES, json.JSONDecodeError) as exc:
        return edit(client_pk, form, f"Not changed: {exc}.", 400)
    except ChangedMeanwhile:
        sentence = (
            "Another administrator changed this client meanwhile. Nothing was changed here; review it again."
        )
        return edit(client_pk, None, sentence, 409)
    except ValueError:
        return edit(client_pk, None, "Not changed: the form was incomplete.", 400)
    return redirect_to("console.client", client_pk=client_pk, done="changed")


def _read(client: Client, form: "MultiDict[str, str]") -> ClientMetadata:
    asked = dict(client.registered)
    for one in DECLARED:
        asked[one.name] = _value(kind_of(one.type), form.get(one.name, "").strip())
    known = unwise_uris(client.metadata_)
    return read_registration(
        {name: value for name, value in asked.items() if value is not None},
        may_be_unwise=lambda uri: uri in known,
        registered=client.metadata_,
    )


def _value(kind: type, text: str) -> Any:
    if kind is bool:
        return text == "yes"
    if not text:
        return None
    if kind is tuple:
        return [line.strip() for line in text.splitlines() if line.strip()]
    if kind is dict:
        return json.loads(text)
    return int(text) if kind is int else text


def _change(client: Client, metadata: ClientMetadata, seen_at: datetime, form: "MultiDict[str, str]") -> None:
    decided = read_options(form)
    acts.check_reachable(metadata, decided)

    def update(who: Administrator) -> None:
        locked = acts.lock_as_seen(client.client_id, seen_at)
        who.rights.check_over_scopes(metadata.scopes | locked.metadata_.scopes)
        acts.update(locked, metadata, decided)

    gate.act(Permission.CHANGE_CLIENTS, update, dangerous=True)


_CHANGES = Permission.CHANGE_CLIENTS
_POST = ("POST",)
ROUTES = (
    page_route("/clients/new", "client_new", choose, needs=_CHANGES, dangerous=True),
    page_route("/clients/new", "client_register", register, needs=_CHANGES, dangerous=True, methods=_POST),
    page_route("/clients/<uuid:client_pk>/edit", "client_edit", edit, needs=_CHANGES, dangerous=True),
    page_route(
        "/clients/<uuid:client_pk>/edit",
        "client_change",
        change,
        needs=_CHANGES,
        dangerous=True,
        methods=_POST,
    ),
)
