"""A gate as its operator runs it: an app that echoes requests, nginx in front, and nodes of the gate."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from tests.kit.apps import BIN
from tests.support.waiting import wait_until

CLIENT_ID = "gate"
SECRET = "a-secret-of-the-gate-0123456789"
READY_SECONDS = 60
KEPT_IN_FILES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
RULES = """
[[rules]]
path = "/public/"
access = "public"
[[rules]]
path = "/api/"
access = "api"
[[rules]]
path = "/staff/"
claims = {preferred_username = ["cleo"]}
[[rules]]
path = "/vault/"
acr_values = ["urn:example:never"]
"""


@dataclass(frozen=True)
class Site:
    """Where everything is; the app is found at two hosts through the proxy."""

    folder: Path
    origins: tuple[str, str]
    nodes: list[str]
    echo: str

    @property
    def wiki(self) -> str:
        return self.origins[0]


class _Echo(BaseHTTPRequestHandler):
    """Says which headers arrived, and accepts WebSockets."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._upgrade()
            return
        length = int(self.headers.get("Content-Length", 0))
        said = {
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": self.rfile.read(length).decode(),
        }
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def _upgrade(self) -> None:
        """rfc6455 §4.2.2."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.send_header("X-Seen-User", self.headers.get("X-Auth-Request-User", ""))
        self.end_headers()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def echo_app() -> Iterator[str]:
    """Run the app that knows nothing of sign-in."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def gate_site(folder: Path, issuer: str, ports: list[int], store: str) -> Iterator[Site]:
    """Run nginx at the first port, as `--print nginx` says, and a node of the gate at each other one."""
    front, *nodes = ports
    origins = (f"http://localhost:{front}", f"http://127.0.0.1:{front}")
    config = folder / "gate.toml"
    config.write_text(
        f'issuer = "{issuer}"\nclient_id = "{CLIENT_ID}"\nclient_secret = "{SECRET}"\n'
        f'origins = ["{origins[0]}", "{origins[1]}"]\nstore = "{store}"\n'
        f'user_claim = "preferred_username"\naccept_unverified_email = true\n{RULES}'
    )
    with ExitStack() as stack:
        echo = stack.enter_context(echo_app())
        started = [_start_node(config, port, folder) for port in nodes]
        for process in started:
            stack.callback(_stop, process)
        addresses = [f"http://127.0.0.1:{port}" for port in nodes]
        for process, address in zip(started, addresses, strict=True):
            _wait(process, f"{address}/healthz", folder)
        _start_nginx(stack, config, folder, ports, echo)
        yield Site(folder, origins, addresses, echo)


def _start_node(config: Path, port: int, folder: Path) -> "subprocess.Popen[bytes]":
    command = [BIN / "curfew-rp", "gate", "--config", config, "--port", str(port), "--threads", "4"]
    with (folder / f"gate-{port}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def _start_nginx(stack: ExitStack, config: Path, folder: Path, ports: list[int], echo: str) -> None:
    front, first, *others = ports
    command = [BIN / "curfew-rp", "gate", "--config", config, "--port", str(first), "--print", "nginx"]
    made = subprocess.run([*command, "--app", echo], capture_output=True, text=True, check=True).stdout
    more = "".join(f"    server 127.0.0.1:{port};\n" for port in others)
    made = made.replace(f"listen {front};", f"listen 127.0.0.1:{front};")
    made = made.replace("    keepalive", f"{more}    keepalive")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in KEPT_IN_FILES)
    as_whom = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{as_whom}daemon off;\npid {folder}/nginx.pid;\nworker_processes 1;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{made}}}\n"
    )
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(
            [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    stack.callback(_stop, process)
    _wait(process, f"http://127.0.0.1:{front}/_gate/signed-out", folder)


def _wait(process: "subprocess.Popen[bytes]", url: str, folder: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None, "\n".join(log.read_text() for log in folder.glob("*.log"))
        try:
            return requests.get(url, timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    wait_until(answers, seconds=READY_SECONDS)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(30)


def open_socket(origin: str, path: str, cookie: str) -> tuple[int, dict[str, str]]:
    """Ask for a WebSocket as a browser does; returns the status and the headers of the answer."""
    host = origin.removeprefix("http://")
    name, _, port = host.partition(":")
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        f"Cookie: {cookie}",
    ]
    with socket.create_connection((name, int(port)), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer and (more := connection.recv(4096)):
            answer += more
    head = answer.decode("latin-1").partition("\r\n\r\n")[0].split("\r\n")
    headers = {one.partition(": ")[0].lower(): one.partition(": ")[2] for one in head[1:]}
    return int(head[0].split()[1]), headers
