"""Guards every page of the console: checks session, role and form token before the view runs."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from provider.administration.permissions import NotPermitted
from provider.console.gate import SignedOut, find_administrator
from provider.console.layout import form_purpose, note_administrator, plain_page
from provider.console.sign_in import ask_to_sign_in
from provider.protocol.permissions import Permission
from provider.web import csrf
from provider.web.i18n import speak
from provider.web.route import Route

# The header of our script's automatic refresh, which is no use of the session and starts no sign-in.
LOOKS_AGAIN = "Curfew-Looks-Again"
PageView = Callable[..., AnyResponse]


def page_route(
    rule: str,
    name: str,
    view: PageView,
    *,
    needs: Permission = Permission.READ,
    dangerous: bool = False,
    methods: tuple[str, ...] = ("GET",),
) -> Route:
    """Return the route of a page below `/admin`, restricted to people with the permission.

    A `dangerous` one needs a recent sign-in.
    """
    guarded = _guarded(view, needs, dangerous=dangerous)
    return Route(rule=f"/admin{rule}", name=name, view=guarded, methods=methods)


def _guarded(view: PageView, needs: Permission, *, dangerous: bool) -> PageView:
    @wraps(view)
    def guarded(**values: Any) -> AnyResponse:
        speak("en")
        who = find_administrator()
        if who is None:
            return _sign_in_first()
        if not who.may(needs):
            return plain_page("console/not_permitted.html", 403, role=who.role)
        if dangerous and not who.is_fresh:
            return _sign_in_first(again=True)
        if request.method == "POST":
            csrf.check(form_purpose(who, request.path))
        if LOOKS_AGAIN not in request.headers:
            who.note_use()
        note_administrator(who)
        try:
            return view(**values)
        except SignedOut:
            return _sign_in_first(again=dangerous)
        except NotPermitted:
            return plain_page("console/not_permitted.html", 403, role=who.role)

    return guarded


def _sign_in_first(*, again: bool = False) -> AnyResponse:
    if LOOKS_AGAIN in request.headers:
        return Response(status=401)
    # A form submitted after the sign-in expired is dropped: the person sees its page again and decides anew.
    path = request.path if request.method == "POST" else request.full_path.rstrip("?")
    return ask_to_sign_in(request.script_root + path, again=again)
