"""The few pages that the gate shows to people; they load no other resources."""

import hashlib
from base64 import b64encode
from html import escape

from curfew_rp.gate.messages import Reply

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color:#1b1f24}"
    "h1{font-size:1.5rem}a,button{font:inherit}button{padding:.5rem 1.25rem;border:0;border-radius:.375rem;"
    "background:#1f5fbf;color:#fff;cursor:pointer}a{color:#1f5fbf}"
    "@media(prefers-color-scheme:dark){body{background:#14171a;color:#e6e8ea}a{color:#8ab4f8}}"
)
_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


def page(status: int, title: str, text: str = "", *, link: tuple[str, str] | None = None) -> Reply:
    """Return a page with a title, a text and a link, which is a URL with its text."""
    anchor = f'<p><a id="next" href="{escape(link[0])}">{escape(link[1])}</a></p>' if link else ""
    return _render(status, title, f"<p>{escape(text)}</p>{anchor}" if text else anchor)


def question(title: str, text: str, action: str, button: str) -> Reply:
    """Return a page that asks for confirmation."""
    form = f'<form method="post" action="{escape(action)}">'
    pressed = f'<button id="sign-out">{escape(button)}</button></form>'
    return _render(200, title, f"<p>{escape(text)}</p>{form}{pressed}")


def _render(status: int, title: str, content: str) -> Reply:
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{content}</html>"
    )
    retry = (("Retry-After", "10"),) if status == _UNAVAILABLE else ()
    return Reply(status=status, body=body.encode(), headers=(*_HEADERS, *retry))


_UNAVAILABLE = 503
