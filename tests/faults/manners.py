"""The behaviour of relying parties once they have read a request: well, badly, and by chance."""

import random
import threading

from tests.faults.simulators import Exchange, Manner, polite

# The CRC-32 of 256 MiB of zeros: to compute it costs a busy machine more than the caller's deadline.
CHECKSUM_OF_BOMB = 0x2A0E7DBB


def says(*statuses: int, headers: str = "") -> Manner:
    """Say these statuses in turn; the last one from then on."""
    left = list(statuses)
    lock = threading.Lock()

    def act(exchange: Exchange) -> None:
        with lock:
            status = left.pop(0) if len(left) > 1 else left[0]
        exchange.answer(status, headers)

    return act


def silent(exchange: Exchange) -> None:
    """Take the request and never answer, until released."""
    exchange.rp.released.wait(60)
    exchange.connection.close()


def late(seconds: float) -> Manner:
    """Say yes, but only after a while."""

    def act(exchange: Exchange) -> None:
        exchange.rp.released.wait(seconds)
        polite(exchange)

    return act


def patient(exchange: Exchange) -> None:
    """Say yes once released."""
    exchange.rp.released.wait(60)
    polite(exchange)


def drips_header(exchange: Exchange) -> None:
    """Send a header byte by byte, slower than anybody can wait for."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 1000:
        exchange.send(bytes([byte]))
        if exchange.rp.released.wait(0.1):
            break
    exchange.connection.close()


def drips_body(exchange: Exchange) -> None:
    """Say yes at once and never come to the end of the body."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", status=200)
    for _ in range(1000):
        exchange.send(b"a")
        if exchange.rp.released.wait(0.1):
            break
    exchange.connection.close()


def resets(exchange: Exchange) -> None:
    """Do what was asked and tear the connection down without a response."""
    exchange.reset()


def resets_once(exchange: Exchange) -> None:
    """Tear down the first try of each delivery, say yes to the second."""
    if exchange.receipt.attempt == 1:
        exchange.reset()
    else:
        polite(exchange)


def flaps(share: float) -> Manner:
    """Fail this share of the requests with 500, by chance."""
    chance = random.Random(4711)

    def act(exchange: Exchange) -> None:
        exchange.answer(500 if chance.random() < share else 200)

    return act


def sends_endless_body(exchange: Exchange) -> None:
    """Say yes with a body that has no end."""
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", status=200)
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    while not exchange.rp.released.is_set():
        exchange.send(chunk)


def sends_bomb(exchange: Exchange) -> None:
    """Say yes with a small body that unpacks to 256 MiB."""
    import zlib

    block, blocks = bytes(1 << 20), 256
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    # After a full flush the same block packs to the same bytes, so packing costs the caller no deadline.
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    trailer = CHECKSUM_OF_BOMB.to_bytes(4, "little") + (len(block) * blocks).to_bytes(4, "little")
    body = b"\x1f\x8b\x08" + bytes(6) + b"\xff" + packed * blocks + b"\x03\x00" + trailer
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    exchange.send(head.encode() + body, status=200)


def sends_huge_header(exchange: Exchange) -> None:
    """Begin a header of ten megabytes."""
    exchange.send(b"HTTP/1.1 200 OK\r\nX-Huge: ")
    for _ in range(160):
        exchange.send(b"a" * 65536)
    exchange.send(b"\r\nContent-Length: 0\r\n\r\n")
