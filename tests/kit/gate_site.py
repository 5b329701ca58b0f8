"""A gate as its operator runs it: an app that echoes requests, a proxy in front, and nodes of the gate."""

import hashlib
import json
import os
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

from tests.deploy.proxies import KEPT_IN_FILES, find
from tests.kit.apps import BIN
from tests.support.waiting import PATIENCE, wait_until

SECRET = "a-secret-of-the-gate-0123456789"
NGINX = find("nginx")
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
    """The addresses of everything; the app is found at two hosts through the proxy."""

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
        if "max-age" in self.path:
            self.send_header("Cache-Control", "max-age=60")
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
def gate_site(proxy: str, folder: Path, issuer: str, ports: list[int], store: str) -> Iterator[Site]:
    """Run a proxy at the first port, as `--print` says, and a node of the gate at each other one."""
    front, *nodes = ports
    origins = (f"http://localhost:{front}", f"http://127.0.0.1:{front}")
    config = folder / "gate.toml"
    config.write_text(
        f'issuer = "{issuer}"\nclient_id = "gate-{proxy}"\nclient_secret = "{SECRET}"\n'
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
        command = _COMMANDS[proxy](_printed(proxy, config, ports, echo), folder, ports)
        _start_proxy(stack, command, folder, ports[0])
        yield Site(folder, origins, addresses, echo)


def _start_node(config: Path, port: int, folder: Path) -> "subprocess.Popen[bytes]":
    command = [BIN / "curfew-rp", "gate", "--config", config, "--port", str(port), "--threads", "4"]
    with (folder / f"gate-{port}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def _printed(proxy: str, config: Path, ports: list[int], echo: str) -> str:
    command = [BIN / "curfew-rp", "gate", "--config", config, "--port", str(ports[1]), "--app", echo]
    return subprocess.run([*command, "--print", proxy], capture_output=True, text=True, check=True).stdout


def _nginx(made: str, folder: Path, ports: list[int]) -> list[object]:
    front, _, *others = ports
    more = "".join(f"    server 127.0.0.1:{port};\n" for port in others)
    made = made.replace(f"listen {front};", f"listen 127.0.0.1:{front};")
    made = made.replace("    keepalive", f"{more}    keepalive")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in KEPT_IN_FILES)
    as_whom = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{as_whom}daemon off;\npid {folder}/nginx.pid;\nworker_processes 1;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{made}}}\n"
    )
    return [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"]


def _caddy(made: str, folder: Path, ports: list[int]) -> list[object]:
    """Run it as made; both nodes of the gate, by turns."""
    nodes = " ".join(f"127.0.0.1:{port}" for port in ports[1:])
    made = made.replace(f"127.0.0.1:{ports[1]}", nodes)
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{made}")
    return [find("caddy"), "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"]


def _traefik(made: str, folder: Path, ports: list[int]) -> list[object]:
    """Run it without TLS; sign-in is at both nodes of the gate."""
    front, *nodes = ports
    both = ", ".join(f'{{url: "http://127.0.0.1:{port}"}}' for port in nodes)
    made = made.replace("      tls: {}\n", "")
    made = made.replace(f'[{{url: "http://127.0.0.1:{nodes[0]}"}}]', f"[{both}]")
    (folder / "dynamic.yaml").write_text(made)
    return [
        find("traefik"),
        f"--providers.file.filename={folder / 'dynamic.yaml'}",
        f"--entrypoints.web.address=127.0.0.1:{front}",
    ]


def _envoy(made: str, folder: Path, ports: list[int]) -> list[object]:
    made = made.replace("address: 0.0.0.0, port_value: 8080", f"address: 127.0.0.1, port_value: {ports[0]}")
    (folder / "envoy.yaml").write_text(made)
    return [find("envoy"), "-c", folder / "envoy.yaml", "--concurrency", "1", "--disable-hot-restart"]


_COMMANDS = {"nginx": _nginx, "caddy": _caddy, "traefik": _traefik, "envoy": _envoy}


def _start_proxy(stack: ExitStack, command: list[object], folder: Path, front: int) -> None:
    # Caddy keeps its state in the home of its user.
    environ = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environ)
    stack.callback(_stop, process)
    _wait(process, f"http://127.0.0.1:{front}/_gate/signed-out", folder)


def _wait(process: "subprocess.Popen[bytes]", url: str, folder: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None, "\n".join(log.read_text() for log in folder.glob("*.log"))
        try:
            return requests.get(url, timeout=PATIENCE).status_code == 200
        except requests.ConnectionError:
            return False

    wait_until(answers)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(PATIENCE)


def open_socket(origin: str, path: str, cookie: str) -> tuple[int, dict[str, str]]:
    """Ask for a WebSocket as a browser does; returns the status and the headers of the response."""
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
    with socket.create_connection((name, int(port)), timeout=PATIENCE) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        response = b""
        while b"\r\n\r\n" not in response and (more := connection.recv(4096)):
            response += more
    head = response.decode("latin-1").partition("\r\n\r\n")[0].split("\r\n")
    headers = {one.partition(": ")[0].lower(): one.partition(": ")[2] for one in head[1:]}
    return int(head[0].split()[1]), headers
