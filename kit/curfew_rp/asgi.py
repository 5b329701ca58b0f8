"""An ASGI middleware that receives Logout Tokens and refuses sessions that have ended.

It needs `scope["session"]`, so the session middleware has to wrap it.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from curfew_rp.app_session import SESSION_KEY, AppSessions, User, user_of
from curfew_rp.errors import CannotTell
from curfew_rp.notices import Why
from curfew_rp.receiver import BODY_SIZE_LIMIT, Answer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
OnEnded = Callable[[User, Why], Awaitable[None]]
_UNAVAILABLE = Answer(status=503, headers={"Retry-After": "10"})
# websockets: 'Try Again Later'.
_CLOSE_CODE = 1013


class LogoutMiddleware:
    """Answers POST at `path`; the app behind it sees ended sessions as empty.

    `on_ended` is called with the user of a session that has ended, after it was cleared.
    """

    def __init__(
        self,
        app: App,
        *,
        sessions: AppSessions,
        path: str = "/backchannel-logout",
        on_ended: OnEnded | None = None,
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._path = path
        self._on_ended = on_ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a WebSocket; calls to the store or the provider run in a thread."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and _path_of(scope) == self._path:
            await _send(send, await self._receive(scope, receive))
        elif await self._can_tell(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _send(send, _UNAVAILABLE)
        else:
            await receive()
            await send({"type": "websocket.close", "code": _CLOSE_CODE})

    async def _receive(self, scope: Scope, receive: Receive) -> Answer:
        headers = dict(scope["headers"])
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        body = await _bounded_body(receive)
        receiver = self._sessions.receiver
        return await asyncio.to_thread(receiver.receive, scope["method"], content_type, body)

    async def _can_tell(self, scope: Scope) -> bool:
        """Clear a session that has ended; return False if the store is unavailable."""
        if "session" not in scope:
            raise RuntimeError("there is no session: add the middleware of the sessions after this one")
        if SESSION_KEY not in scope["session"]:
            return True
        user = user_of(scope["session"])
        try:
            is_live = await asyncio.to_thread(self._sessions.check, scope["session"])
        except CannotTell:
            return False
        if user is not None and not is_live and self._on_ended:
            await self._on_ended(user, "ended")
        return True


def _path_of(scope: Scope) -> str:
    """Return the path relative to where the app is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


async def _bounded_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) <= BODY_SIZE_LIMIT:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _send(send: Send, response: Answer) -> None:
    headers = {**response.all_headers, "Content-Length": str(len(response.body))}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.body})
