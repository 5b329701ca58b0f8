"""How an answer, good or bad, gets to the app: in the query, in the fragment or by a form."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import redirect
from werkzeug.wrappers import Response

from provider.infrastructure import current
from provider.protocol.parameters import with_fragment, with_query
from provider.protocol.response_type import FORM_POST, FRAGMENT, QUERY
from provider.web import headers
from provider.web.layout import page


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAddress:
    """Where an answer goes and how; the redirect URI has been proven to be the client's."""

    redirect_uri: str
    response_mode: str = QUERY
    state: str | None = field(default=None, repr=False)
    app_name: str = ""
    # What goes with every answer, such as session_state.
    told: Mapping[str, str] = field(default_factory=dict, repr=False)


def answer_app(to: AnswerAddress, said: Mapping[str, str]) -> Response:
    """Answer the app; rfc9207 §2: by `iss` a client of several providers notices a mix-up."""
    pairs = {**said, "iss": current.settings().issuer, **to.told}
    if to.state:
        pairs["state"] = to.state
    if to.response_mode == FORM_POST:
        return _by_form(to, pairs)
    with_pairs = with_fragment if to.response_mode == FRAGMENT else with_query
    # rfc9700 §4.12: 303, for a 307 would send on what the person has typed.
    return redirect(with_pairs(to.redirect_uri, pairs), 303)


def _by_form(to: AnswerAddress, pairs: Mapping[str, str]) -> Response:
    """Return a page that posts the answer by itself, or at a click where scripts are off (Form Post §2)."""
    headers.allow_form_action(to.redirect_uri)
    return page("form_post.html", action=to.redirect_uri, pairs=pairs, app_name=to.app_name)
