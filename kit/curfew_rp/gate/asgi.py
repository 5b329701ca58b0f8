"""The gate as an ASGI app: each body is read completely, within bounds, before a thread gets the request.

So a client that sends its body slowly does not occupy a thread.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from curfew_rp.gate.gate import Gate
from curfew_rp.gate.messages import Reply, Request, json_reply
from curfew_rp.receiver import BODY_SIZE_LIMIT

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_BODY_SECONDS = 10.0
_log = logging.getLogger("curfew_rp")


class GateApp:
    """Serves one gate with a fixed number of threads."""

    def __init__(self, gate: Gate, threads: int) -> None:
        self._gate = gate
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="gate")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request; other scopes are not supported."""
        if scope["type"] != "http":
            raise RuntimeError("the gate serves HTTP alone")
        try:
            body = await asyncio.wait_for(_bounded_body(receive), _BODY_SECONDS)
        except TimeoutError:
            await _send(send, json_reply(408, "invalid_request", "the body took too long"))
            return
        loop = asyncio.get_running_loop()
        await _send(send, await loop.run_in_executor(self._threads, self._answer, _request(scope, body)))

    def _answer(self, request: Request) -> Reply:
        try:
            return self._gate.handle(request)
        except Exception:
            # The server answers 500, which no proxy takes for permission.
            _log.exception("gate_failed")
            raise


def _request(scope: Scope, body: bytes) -> Request:
    raw = scope.get("raw_path") or scope["path"].encode()
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=raw.partition(b"?")[0].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
        ),
        body=body,
        peer=client[0] if client else "",
    )


async def _bounded_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) <= BODY_SIZE_LIMIT:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _send(send: Send, reply: Reply) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.all_headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
