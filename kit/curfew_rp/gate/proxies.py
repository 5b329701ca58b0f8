"""Ready-made configurations of proxies, which query the gate before they pass a request on.

None of them lets a client set an identity header or pretend another address to the gate.
"""

from collections.abc import Callable
from importlib.resources import files
from urllib.parse import urlsplit

from curfew_rp.gate.cookies import Cookies
from curfew_rp.gate.identity import HEADERS, PREFIX
from curfew_rp.gate.settings import Settings


def configuration(proxy: str, settings: Settings, gate: str, app: str) -> str:
    """Return the configuration of `nginx`, `traefik`, `caddy` or `envoy`.

    `gate` is the host and port of the gate, `app` the address of the app behind it.
    """
    return _WRITERS[proxy](settings, gate, app.rstrip("/"))


def _nginx(settings: Settings, gate: str, app: str) -> str:
    fetched, passed = [], []
    for header in HEADERS:
        variable = "$curfew_gate_" + header.removeprefix(PREFIX).lower()
        fetched.append(f"    auth_request_set {variable} $upstream_http_{_variable(header)};")
        passed.append(f"        proxy_set_header {header} {variable};")
    values = _common(settings, gate, app) | {"FETCHED": "\n".join(fetched), "PASSED": "\n".join(passed)}
    servers = [_filled("nginx-server.conf", values | _of_origin(origin)) for origin in settings.origins]
    return _filled("nginx.conf", values) + "".join(servers)


def _caddy(settings: Settings, gate: str, app: str) -> str:
    values = _common(settings, gate, app) | {"HEADERS": " ".join(HEADERS)}
    sites = [_filled("site.caddy", values | {"ORIGIN": origin}) for origin in settings.origins]
    return "# Made by `curfew-rp gate --print caddy`.\n" + "".join(sites)


def _traefik(settings: Settings, gate: str, app: str) -> str:
    hosts = " || ".join(f"Host(`{urlsplit(origin).hostname}`)" for origin in settings.origins)
    names = "\n".join(f"          - {header}" for header in HEADERS)
    return _filled("traefik.yaml", _common(settings, gate, app) | {"HOSTS": hosts, "HEADERS": names})


def _envoy(settings: Settings, gate: str, app: str) -> str:
    gate_host, _, gate_port = gate.rpartition(":")
    parts = urlsplit(app)
    values = _common(settings, gate, app) | {
        "GATE_HOST": gate_host,
        "GATE_PORT": gate_port,
        "APP_HOST": parts.hostname or "",
        "APP_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "HOSTS": ", ".join(f'"{urlsplit(origin).netloc}"' for origin in settings.origins),
    }
    return _filled("envoy.yaml", values)


_WRITERS: dict[str, Callable[[Settings, str, str], str]] = {
    "nginx": _nginx,
    "traefik": _traefik,
    "caddy": _caddy,
    "envoy": _envoy,
}


def _common(settings: Settings, gate: str, app: str) -> dict[str, str]:
    return {"GATE": gate, "APP": app, "PREFIX": settings.prefix, "COOKIE": Cookies(settings).session_name}


def _of_origin(origin: str) -> dict[str, str]:
    parts = urlsplit(origin)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    tls = (
        f"listen {port} ssl;\n    ssl_certificate     /etc/ssl/{parts.hostname}.pem;\n"
        f"    ssl_certificate_key /etc/ssl/{parts.hostname}.key;"
    )
    return {
        "HOST": parts.hostname or "",
        # With the port; $http_host is empty in HTTP/3, and chosen by the client in a default server.
        "NETLOC": parts.netloc,
        "LISTEN": tls if parts.scheme == "https" else f"listen {port};",
    }


def _variable(header: str) -> str:
    return header.lower().replace("-", "_")


def _filled(name: str, values: dict[str, str]) -> str:
    """Return a file from `samples` with its placeholders, such as @GATE@, filled in."""
    text = files("curfew_rp.gate").joinpath("samples", name).read_text()
    for variable, value in values.items():
        text = text.replace(f"@{variable}@", value)
    return text
