"""Proxies with the samples of deploy/, as processes of a test: with its names, ports and paths."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.architecture.sources import ROOT
from tests.support.authority import Authority
from tests.support.demo import free_run
from tests.support.waiting import PATIENCE, wait_until

NGINX_SAMPLE, CADDY_SAMPLE = ROOT / "deploy" / "nginx", ROOT / "deploy" / "caddy"
INSTALLED = ROOT / "tests" / "interop" / "proxies" / ".venv" / "bin"
HOST = "localhost"
# What Debian's nginx.conf says of TLS before it includes conf.d/: a sample must not say it again there.
DEBIAN = "ssl_protocols TLSv1.2 TLSv1.3;\nssl_prefer_server_ciphers on;\n"
KEPT_IN_FILES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True)
class Place:
    """The address of a proxy, and what it needs from the folder of the test."""

    folder: Path
    path: str
    upstream: int
    http: int
    https: int
    mtls: int

    @property
    def origin(self) -> str:
        return f"https://{HOST}:{self.https}"

    @property
    def authority(self) -> Path:
        """The authority of all certificates, those of clients too."""
        return self.folder / "ca.pem"

    def certificate(self, name: str) -> Path:
        """A certificate with its key; the authority has issued it."""
        return self.folder / f"{name}-1-False.pem"


def make_place(folder: Path, path: str) -> Place:
    upstream, http, https, mtls = range(first := free_run(4), first + 4)
    authority = Authority(folder)
    for name in (HOST, "batch.example"):
        authority.server_context(name)
    return Place(folder, path, upstream, http, https, mtls)


def find(program: str) -> str | None:
    """Return where a program is that is new enough for its sample.

    Debian keeps servers outside the path of users. Its Caddy is too old; `make interop-clients` installs one.
    """
    places = (os.environ["PATH"], "/usr/sbin:/usr/local/bin", str(INSTALLED))
    found = (shutil.which(program, path=place) for place in places)
    return next((path for path in found if path and not _is_too_old(path)), None)


def _is_too_old(path: str) -> bool:
    return Path(path).name == "caddy" and bool(re.match(r"v?2\.[0-7]\.", _version(path, "version")))


def _version(path: str, option: str) -> str:
    said = subprocess.run([path, option], capture_output=True, text=True, check=True)
    return said.stdout + said.stderr


def nginx_command(place: Place) -> list[str]:
    """Write the configuration for a place, and return the command that runs nginx with it."""
    config = place.folder / "nginx.conf"
    (place.folder / "snippets").mkdir(exist_ok=True)
    for name in ("curfew-proxy.conf", "curfew-tls.conf"):
        shutil.copy(NGINX_SAMPLE / name, place.folder / "snippets")
    sample = _nginx_at(place, (NGINX_SAMPLE / "curfew.conf").read_text())
    if place.path:
        below = (NGINX_SAMPLE / "curfew-path.conf").read_text().replace("/auth", place.path)
        # The rest of the host is another service.
        sample = _replace_locations(sample, f"{below}\nlocation / {{ return 200 'Another service'; }}\n")
    folders = "".join(f"{kind}_temp_path {place.folder}/{kind};\n" for kind in KEPT_IN_FILES)
    # Its own user could not enter the folder of the test.
    as_whom = "user root;\n" if os.geteuid() == 0 else ""
    config.write_text(
        f"{as_whom}daemon off;\npid {place.folder}/nginx.pid;\nevents {{}}\n"
        f"http {{\n{DEBIAN}{folders}{sample}}}\n"
    )
    return [find("nginx"), "-p", str(place.folder), "-c", str(config), "-e", str(place.folder / "error.log")]


def _nginx_at(place: Place, text: str) -> str:
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)
    ports = iter((place.https, place.mtls))
    text = re.sub(r"listen 443 ssl http2", lambda _: f"listen 127.0.0.1:{next(ports)} ssl http2", text)
    if not re.search(r"nginx/1\.(1\d|2[0-4]|25\.0)\b", _version(find("nginx"), "-v")):
        # What the sample says of newer ones.
        text = text.replace("ssl http2;", "ssl;\n    http2 on;")
    text = text.replace("listen 80", f"listen 127.0.0.1:{place.http}")
    text = text.replace("127.0.0.1:8900", f"127.0.0.1:{place.upstream}")
    text = re.sub(r"/etc/ssl/curfew/(mtls\.)?id\.example\.(pem|key)", str(place.certificate(HOST)), text)
    text = text.replace("/etc/ssl/curfew/clients-ca.pem", str(place.authority))
    text = text.replace("/var/log/nginx", str(place.folder))
    return re.sub(r"(mtls\.)?id\.example", HOST, text)


def _replace_locations(text: str, replacement: str) -> str:
    """Put other locations into the first server that has some."""
    first = text.index("    location / {")
    return text[:first] + replacement + text[text.index("}\n\n# Apps that authenticate") :]


def caddy_command(place: Place) -> list[str]:
    """Write the configuration for a place, and return the command that runs Caddy with it."""
    for file in CADDY_SAMPLE.iterdir():
        text = (
            file.read_text().replace("/auth", place.path) if file.name == "path.caddy" else file.read_text()
        )
        (place.folder / file.name).write_text(_caddy_at(place, text))
    main = "import path.caddy\nimport mtls.caddy\n" if place.path else ""
    options = f"{{\n\tadmin off\n\thttp_port {place.http}\n\tauto_https disable_certs\n}}\n"
    config = place.folder / "Caddyfile"
    text = (
        config.read_text()
        .replace("{\n\tadmin off\n}\n", options)
        .replace("# import mtls.caddy", "import mtls.caddy")
    )
    config.write_text(f"{options}{main}" if main else text)
    return [find("caddy"), "run", "--adapter", "caddyfile", "--config", str(config)]


def _caddy_at(place: Place, text: str) -> str:
    pair = f"\ttls {place.certificate(HOST)} {place.certificate(HOST)}"
    text = re.sub(
        r"\{\$CURFEW_HOST:.*?\} \{", f"https://{HOST}:{place.https} {{\n\tbind 127.0.0.1\n{pair}", text
    )
    text = re.sub(r"\{\$CURFEW_MTLS_HOST:.*?\} \{", f"https://{HOST}:{place.mtls} {{\n\tbind 127.0.0.1", text)
    text = text.replace("\ttls {\n", f"{pair} {{\n")
    text = re.sub(r"\{\$CURFEW_CLIENTS_CA:.*?\}", str(place.authority), text)
    return re.sub(r"\{\$CURFEW_UPSTREAMS:.*?\}", f"127.0.0.1:{place.upstream}", text)


@contextmanager
def running(command: list[str], place: Place) -> Iterator[None]:
    """Run a proxy until the end of the test."""
    log = place.folder / "proxy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=place.folder, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: process.poll() is not None or _answers(place))
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _answers(place: Place) -> bool:
    try:
        requests.get(place.origin, verify=place.authority, timeout=PATIENCE)
    except requests.ConnectionError:
        return False
    return True
