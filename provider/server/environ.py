"""An ASGI request as a WSGI environment (PEP 3333)."""

import io
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

Scope = dict[str, Any]
Environ = dict[str, Any]

# WSGI folds `X_Forwarded_For` and `X-Forwarded-For` into one name. Only names with hyphens are passed on;
# names with underscores are listed under this key, folded, so that the application can refuse them.
UNDERSCORED = "curfew.underscored_headers"
# An HTTP status with which the request must be refused, whatever it asks for.
REFUSED = "curfew.refused"
# How many seconds the request has waited for a thread; they count towards deadlines.
WAITED = "curfew.waited"


def environ_of(scope: Scope, body: bytes, *, length: int | None = None) -> Environ:
    """Return the environment of a request whose body has been read; `length` overrides the body's length."""
    host, port = scope.get("server") or ("", "")
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        # PEP 3333: 'bytes-as-unicode' in latin-1, percent-decoded; the server's own decoding is lossy.
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    _add_headers(environ, scope["headers"])
    # The body has been read, so its announced length and its transfer coding no longer matter.
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_LENGTH"] = str(len(body) if length is None else length)
    return environ


def _add_headers(environ: Environ, headers: Iterable[tuple[bytes, bytes]]) -> None:
    underscored = set()
    for raw_name, raw_value in headers:
        if b"_" in raw_name:
            underscored.add(raw_name.decode("latin-1").replace("_", "-").lower())
            continue
        key = _key_of(raw_name)
        value = raw_value.decode("latin-1")
        if key in environ:
            # rfc9113 §8.2.3: cookies are joined by semicolons, everything else by commas (rfc9110 §5.2).
            value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
        environ[key] = value
    environ[UNDERSCORED] = frozenset(underscored)


# Senders use some dozens of names.
@lru_cache(maxsize=256)
def _key_of(raw_name: bytes) -> str:
    key = raw_name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
