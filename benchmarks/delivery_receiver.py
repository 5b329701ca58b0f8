"""Relying parties as cheap as can be: a process that answers 200 on many loopback addresses and notes when.

`python -m benchmarks.delivery_receiver PORT CONTROL_PORT COUNT HANGING SECONDS`: listens on 127.0.1.1 to
127.0.1.COUNT; the last HANGING of them take requests and never answer, the others answer after SECONDS. A
client of the control port of 127.0.0.1 gets what has come since the last time, one JSON document, and is
closed.
"""

import asyncio
import json
import sys
import time

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
received: list[tuple[int, str, int]] = []


class RelyingParty(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self, number: int, *, hangs: bool, answers_after: float) -> None:
        self._number, self._hangs, self._answers_after = number, hangs, answers_after
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            start = head.find(b"content-length:") + 15
            length = int(head[start : head.find(b"\r\n", start) if b"\r\n" in head[start:] else None])
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._note(head)

    def _note(self, head: bytes) -> None:
        at = head.find(b"curfew-delivery:")
        delivery = head[at + 16 : at + 16 + 40].split(b"\r\n")[0].strip().decode() if at >= 0 else ""
        received.append((time.monotonic_ns(), delivery, self._number))
        if self._hangs:
            return
        if self._answers_after:
            asyncio.get_running_loop().call_later(self._answers_after, self._transport.write, _ANSWER)
        else:
            self._transport.write(_ANSWER)


async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(json.dumps(received).encode())
    received.clear()
    await writer.drain()
    writer.close()


async def main(port: int, control: int, count: int, hanging: int, answers_after: float) -> None:
    loop = asyncio.get_running_loop()
    for number in range(1, count + 1):
        hangs = number > count - hanging
        await loop.create_server(
            lambda number=number, hangs=hangs: RelyingParty(number, hangs=hangs, answers_after=answers_after),
            f"127.0.1.{number}",
            port,
            backlog=1024,
        )
    await (await asyncio.start_server(tell, "127.0.0.1", control)).serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:5]), float(sys.argv[5])))
