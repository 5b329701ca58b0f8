"""The ASGI application in front of the WSGI one."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from provider.infrastructure import event_log
from provider.protocol.issuer_path import inside
from provider.server.body import (
    BodyLimits,
    BodyTooLarge,
    BodyTooSlow,
    Message,
    Receive,
    SenderGone,
    drain,
    has_body,
    read_body,
)
from provider.server.environ import REFUSED, WAITED, Environ, Scope, environ_of
from provider.server.lanes import Lane, NoThreadFree
from provider.server.response import Response, WSGIApplication, call, without_the_application
from provider.server.snapshots import Shared, Snapshots

Send = Callable[[Message], Awaitable[None]]

# A waiting refusal holds only its connection and some hundred bytes, so many may wait for a long time.
# Answering them one after another takes seconds, and a person with a slow line among them should still get a
# page.
_MOST_BODY_REFUSALS_WAITING, _BODY_REFUSALS_PATIENCE = 4096, 30.0
_TOO_SLOW, _TOO_LARGE, _DEFECT, _BUSY = 408, 413, 500, 503


class Front:
    """Reads requests, assigns them to threads, sends the responses.

    `own_threads` gives certain paths a number of threads of their own, apart from the `threads` of all
    others; `shared` lists the responses that are repeated to everyone.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        threads: int,
        limits: BodyLimits,
        patience: float,
        issuer_path: str = "",
        own_threads: Mapping[str, int] = MappingProxyType({}),
        shared: Mapping[str, Shared] = MappingProxyType({}),
    ) -> None:
        self._application = application
        self._limits = limits
        self._issuer_path = issuer_path
        self._snapshots = Snapshots(shared, issuer_path)
        self._requests = Lane("request", threads=threads, patience=patience)
        self._lanes = {
            path: Lane(f"health_{number}", threads=number, patience=patience)
            for path, number in own_threads.items()
        }
        # The application also answers refusals, in the language and the form that the caller expects. A flood
        # of bodies that never end is refused all at once: those responses may wait, others may not.
        self._busy_refusals = Lane("busy_refusal", threads=1, patience=patience)
        self._body_refusals = Lane(
            "body_refusal",
            threads=1,
            patience=_BODY_REFUSALS_PATIENCE,
            most_waiting=_MOST_BODY_REFUSALS_WAITING,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        if scope["type"] != "http":
            return
        shared = await self._shared_response(scope)
        if shared is not None:
            await self._send(send, shared, closing=False)
            return
        try:
            environ, is_read = await self._read(scope, receive)
        except SenderGone:
            return
        response = await self._respond(environ)
        await self._send(send, response, closing=not is_read)
        if environ.get(REFUSED) == _TOO_LARGE:
            await drain(receive, self._limits)

    async def _shared_response(self, scope: Scope) -> Response | None:
        """Answer a plain request for a response that is the same for everyone; None for any other request."""
        wanted = self._snapshots.wanted(scope)
        if wanted is None:
            return None
        repeated = self._snapshots.repeat(wanted)
        if repeated is not None:
            return repeated
        plain = scope | {"method": "GET", "headers": []}
        return self._snapshots.keep(wanted, await self._respond(environ_of(plain, b"")))

    async def _read(self, scope: Scope, receive: Receive) -> tuple[Environ, bool]:
        """Return the request with its body, or marked as refused, and whether all of it was read."""
        headers = scope["headers"]
        if not has_body(scope["method"], scope["http_version"], headers):
            return environ_of(scope, b""), True
        announced = next((int(value) for name, value in headers if name == b"content-length"), None)
        try:
            return environ_of(scope, await read_body(receive, self._limits, announced)), True
        except BodyTooLarge as exc:
            return environ_of(scope, b"", length=exc.length) | _refused(_TOO_LARGE), False
        except BodyTooSlow:
            return environ_of(scope, b"") | _refused(_TOO_SLOW), False

    async def _respond(self, environ: Environ) -> Response:
        try:
            if REFUSED in environ:
                return await self._run(self._body_refusals, environ)
            return await self._run_in_lane(environ)
        except NoThreadFree:
            return without_the_application(environ.get(REFUSED, _BUSY), environ)
        except Exception:  # noqa: BLE001 – an exception of the application is its defect; the server goes on.
            event_log.error("request_failed", exc_info=True, method=environ["REQUEST_METHOD"])
            return without_the_application(_DEFECT, environ)

    async def _run_in_lane(self, environ: Environ) -> Response:
        try:
            asked = inside(environ["PATH_INFO"], self._issuer_path)
            return await self._run(self._lanes.get(asked, self._requests), environ)
        except NoThreadFree:
            event_log.warning("request_refused_busy", method=environ["REQUEST_METHOD"])
            return await self._run(self._busy_refusals, environ | _refused(_BUSY))

    async def _run(self, lane: Lane, environ: Environ) -> Response:
        return await lane.run(lambda waited: call(self._application, environ | {WAITED: waited}))

    async def _send(self, send: Send, response: Response, *, closing: bool) -> None:
        headers = response.headers
        if closing:
            headers = [*headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})


def _refused(status: int) -> Environ:
    return {REFUSED: status}
