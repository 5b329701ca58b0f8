"""A server that writes TLS 1.3 records of its own making: session tickets without end, many in each."""

import hashlib
import hmac
import struct
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.infrastructure.outbound_servers import Wire

# rfc8446 §4.6.1 and §5.2: tickets of one byte each, as many as a record holds, and the type of the record.
BODY = struct.pack(">IIBHsH", 7200, 1, 0, 1, b"t", 0)
TICKET = b"\x04" + len(BODY).to_bytes(3, "big") + BODY
RECORD = TICKET * (16000 // len(TICKET)) + b"\x16"
HEADER = b"\x17\x03\x03" + struct.pack(">H", len(RECORD) + 16)


def flood_with_tickets(wire: Wire, key_log: Path) -> None:
    """Go on writing, from the first record after the handshake on, until the client gives up."""
    secret = _traffic_secret(key_log)
    # Of the three suites OpenSSL prefers the one with the longest keys and hashes.
    key, nonce = AESGCM(_expand(secret, b"key", 32)), int.from_bytes(_expand(secret, b"iv", 12), "big")
    with wire.server.without_tls(wire.sock) as plain:
        number = 0
        while not wire.server.stopping.is_set():
            plain.sendall(HEADER + key.encrypt((nonce ^ number).to_bytes(12, "big"), RECORD, HEADER))
            number += 1


def _traffic_secret(key_log: Path) -> bytes:
    lines = [line.split() for line in key_log.read_text().splitlines()]
    return next(bytes.fromhex(line[2]) for line in lines if line[0] == "SERVER_TRAFFIC_SECRET_0")


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (rfc8446 §7.1) for what fits in one hash."""
    label = b"tls13 " + label
    info = struct.pack(">HB", length, len(label)) + label + b"\0" + b"\x01"
    return hmac.new(secret, info, hashlib.sha384).digest()[:length]
