"""The gate as an installed wheel: it serves, is closed, and prints the configurations of proxies.

Run by the Python of an environment that holds the wheel with its extra `gate`; `make wheel-check` does so.
"""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path

PORT = 4187
# Hit by nothing but a hang, however slow the machine.
DEADLINE_SECONDS = 240
COMMAND = (str(Path(sys.executable).with_name("curfew-rp")), "gate", "--port", str(PORT))
SETTINGS = {
    "CURFEW_RP_GATE_ISSUER": "https://id.example",
    "CURFEW_RP_GATE_CLIENT_ID": "gate",
    "CURFEW_RP_GATE_CLIENT_SECRET": "a secret of the gate's own",
    "CURFEW_RP_GATE_ORIGINS": "https://wiki.example",
    "CURFEW_RP_GATE_STORE": "sqlite:///gate.sqlite3",
}


def main() -> None:
    """Try it, and say what was done."""
    assert not [name for name in ("provider", "tests", "django", "starlette") if find_spec(name)]
    environ = os.environ | SETTINGS
    for proxy in ("nginx", "caddy", "traefik", "envoy"):
        made = subprocess.run(
            [*COMMAND, "--print", proxy], env=environ, capture_output=True, text=True, check=True
        ).stdout
        assert f"127.0.0.1:{PORT}" in made
    with subprocess.Popen(COMMAND, env=environ, stdout=subprocess.PIPE) as gate:
        try:
            assert status_when_ready("/healthz") == 200
            asked = {"X-Forwarded-Host": "wiki.example", "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/"}
            assert status_of("/_gate/check", asked) == 401
        finally:
            gate.terminate()
    print("curfew-rp gate: serves, and is closed")


def status_when_ready(path: str) -> int:
    """Ask until the server answers."""
    gives_up_at = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            return status_of(path, {})
        except urllib.error.URLError:
            if time.monotonic() > gives_up_at:
                raise
            time.sleep(0.1)


def status_of(path: str, headers: dict[str, str]) -> int:
    """Return the status of a response."""
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as response:
            return int(response.status)
    except urllib.error.HTTPError as exc:
        return exc.code


if __name__ == "__main__":
    main()
