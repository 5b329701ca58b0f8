"""Checks of the settings, one by one and together; each problem is one sentence."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

from provider.config.audit_anchors import read_anchor_target
from provider.config.declared_settings import DeclaredSettings
from provider.config.password_list import password_list_problems
from provider.config.url_checks import url_problems
from provider.config.values import LONGEST_SPAN

SHORTEST_BEARER_TOKEN = 16
# The key in docker-compose.yml, which is for trying Curfew out.
_PUBLISHED_KEYS = frozenset({"Y29tcG9zZS1kZW1vLWtleS1jb21wb3NlLWRlbW8ta2U"})
# rfc6750 §2.1: the characters of a bearer token.
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_ORIGIN = re.compile(r"https://[a-z0-9.-]+(?::[1-9][0-9]{0,4})?")
# rfc6749 §3.3: scope-token.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_HOST = re.compile(r"[a-z0-9.-]{1,253}|[0-9a-f:]{2,39}")
# No hyphens: a server cannot tell a hyphen from an underscore. A proxy that overwrites X-Cert lets X_Cert
# through, and the server would take that for X-Cert.
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9]{0,99}")
_LIMIT = re.compile(r"[1-9][0-9]{0,8} per (?:[1-9][0-9]{0,4} )?(?:second|minute|hour|day)s?")
_LIMITS = (
    *("sign_in_limit_account", "sign_in_limit_address", "sign_in_limit_everywhere", "sign_in_limit_slow"),
    "sign_in_limit_browser",
    *("device_code_limit_account", "device_code_limit_address", "device_request_limit_address"),
    *("pushed_request_limit", "registration_limit", "logo_limit_address"),
    *("parked_request_limit_address", "admin_request_limit"),
)
_FORWARDED_HEADERS = ("X-Forwarded-For", "Forwarded")
# A setting in this table must lie within these bounds (inclusive).
_BOUNDS = {
    "database_pool_size": (1, 500),
    "trusted_proxies": (0, 10),
    "max_body_bytes": (16 * 1024, 16 * 1024 * 1024),
    "max_parameter_bytes": (1024, 1024 * 1024),
    "sealed_request_bytes": (0, 6000),
    "sessions_per_account": (0, 1000),
    "argon2_memory": (1024, 4 * 1024 * 1024),
    "argon2_passes": (1, 20),
    "argon2_concurrency": (1, 64),
    "password_min_length": (8, 64),
    "delivery_concurrency": (1, 512),
    "endpoint_concurrency": (1, 1000),
    "endpoint_rate": (1, 100_000),
    "address_concurrency": (1, 10_000),
    "address_rate": (1, 1_000_000),
    "origin_concurrency": (1, 10_000),
    "origin_rate": (1, 1_000_000),
    "bulk_logout_batch": (1, 10_000),
    "bulk_logout_pace": (1, 1_000_000),
}
# The driver waits at least two seconds for a connection, and a browser does not wait for a minute.
_SPAN_BOUNDS = {"database_deadline": (timedelta(seconds=2), timedelta(seconds=60))}
_POSITIVE_SPANS = (
    "admin_sign_in_age",
    "database_pause",
    "session_idle_lifetime",
    "session_lifetime",
    "interaction_lifetime",
    "known_browser_lifetime",
    "code_lifetime",
    "device_code_lifetime",
    "id_token_lifetime",
    "access_token_lifetime",
    "jwt_access_token_lifetime",
    "refresh_token_idle_lifetime",
    "grant_lifetime",
    "delivery_horizon",
    "delivery_lease",
    "sweep_interval",
    "logout_token_lifetime",
    "outbound_connect_timeout",
    "outbound_deadline",
    "endpoint_probe_wait",
    "endpoint_degraded_after",
    "key_rotation_period",
    "key_publish_after_use",
    "audit_retention",
    "audit_anchor_every",
    "delivery_retention",
)
# The longest lifetimes: one minute for a code (FAPI 2.0 §5.3.2.1), and ten for a signed token, which resource
# servers may accept without introspection.
LONGEST_LIVES = {"code_lifetime": timedelta(seconds=60), "jwt_access_token_lifetime": timedelta(minutes=10)}


class WrongSettings(Exception):
    """The settings cannot be used; `problems` has one sentence for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def has_published_key(settings: DeclaredSettings) -> bool:
    """Return whether the key-encryption key is a published example."""
    return settings.secret_key.rstrip("=") in _PUBLISHED_KEYS


def problems_of(settings: DeclaredSettings) -> Iterator[str]:
    """Yield one sentence for each thing that is wrong with the settings."""
    yield from url_problems(settings)
    yield from _bound_problems(settings)
    yield from _span_problems(settings)
    yield from _relation_problems(settings)
    yield from _key_problems(settings)
    yield from _format_problems(settings)
    yield from password_list_problems(settings.common_passwords_file)
    yield from _certificate_problems(settings)
    yield from _registration_problems(settings)


def _bound_problems(settings: DeclaredSettings) -> Iterator[str]:
    for name, (least, most) in _BOUNDS.items():
        if not least <= getattr(settings, name) <= most:
            yield f"{name} must be between {least} and {most}"


def _span_problems(settings: DeclaredSettings) -> Iterator[str]:
    for declared in fields(settings):
        value = getattr(settings, declared.name)
        if isinstance(value, timedelta) and value > LONGEST_SPAN:
            yield f"{declared.name} must not exceed {LONGEST_SPAN.days}d"
    for name, (shortest, longest) in _SPAN_BOUNDS.items():
        if not shortest <= getattr(settings, name) <= longest:
            yield f"{name} must be between {shortest.total_seconds():.0f}s and {longest.total_seconds():.0f}s"
    for name in _POSITIVE_SPANS:
        if getattr(settings, name) <= timedelta(0):
            yield f"{name} must be greater than zero"
    for name, longest in LONGEST_LIVES.items():
        if getattr(settings, name) > longest:
            yield f"{name} must not exceed {longest.total_seconds():.0f}s"


def _relation_problems(settings: DeclaredSettings) -> Iterator[str]:
    if settings.session_idle_lifetime > settings.session_lifetime:
        yield "session_idle_lifetime must not exceed session_lifetime"
    # rfc8628 §5.1: the longer a code of eight letters is valid, the more codes can be tried.
    if settings.device_code_lifetime > timedelta(minutes=30):
        yield "device_code_lifetime must not exceed 30m"
    # rfc9126 §2.2: 'it is RECOMMENDED … between 5 and 600 seconds'.
    if not timedelta(seconds=5) <= settings.pushed_request_lifetime <= timedelta(seconds=600):
        yield "pushed_request_lifetime must be between 5s and 10m"
    if settings.delivery_lease <= settings.outbound_deadline:
        yield "delivery_lease must be longer than outbound_deadline"
    if settings.outbound_connect_timeout > settings.outbound_deadline:
        yield "outbound_connect_timeout must not exceed outbound_deadline"
    # backchannel §4: a Logout Token should expire after two minutes at most.
    if settings.logout_token_lifetime > timedelta(minutes=2):
        yield "logout_token_lifetime must not exceed 2m"
    if not timedelta(0) <= settings.notify_budget <= timedelta(seconds=2):
        yield "notify_budget must be between 0s and 2s"
    if not timedelta(0) <= settings.refresh_reuse_interval <= timedelta(seconds=60):
        yield "refresh_reuse_interval must be between 0s and 60s"
    if not settings.delivery_schedule or min(settings.delivery_schedule) <= timedelta(0):
        yield "delivery_schedule must contain at least one wait, and only waits greater than zero"


def _key_problems(settings: DeclaredSettings) -> Iterator[str]:
    # KEY-04: the key of a token must stay published for as long as the token is valid.
    if settings.key_publish_after_use < settings.id_token_lifetime:
        yield "key_publish_after_use must not be shorter than id_token_lifetime"
    # A resource server may be registered with a longer token lifetime than the setting.
    if settings.key_publish_after_use < LONGEST_LIVES["jwt_access_token_lifetime"]:
        yield "key_publish_after_use must not be shorter than 10m, the longest life of a signed access token"
    if not timedelta(0) <= settings.key_publish_before_use < settings.key_rotation_period:
        yield "key_publish_before_use must be shorter than key_rotation_period"
    token = settings.metrics_bearer_token
    if token and (len(token) < SHORTEST_BEARER_TOKEN or not _BEARER_TOKEN.fullmatch(token)):
        yield f"metrics_bearer_token must have {SHORTEST_BEARER_TOKEN} or more letters, digits or - . _ ~ + /"


def _format_problems(settings: DeclaredSettings) -> Iterator[str]:
    if settings.rsa_key_bits not in {2048, 3072, 4096}:
        yield "rsa_key_bits must be 2048, 3072 or 4096"
    if settings.default_locale not in {"en", "de"}:
        yield "default_locale must be en or de"
    if settings.log_level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        yield "log_level must be DEBUG, INFO, WARNING or ERROR"
    for name in _LIMITS:
        if not _LIMIT.fullmatch(getattr(settings, name)):
            yield f"{name} must read like '10 per 5 minutes'"
    if settings.secret_key and not _is_key(settings.secret_key):
        yield "secret_key must be 32 random bytes in base64url"
    for target in settings.audit_anchors:
        try:
            read_anchor_target(target)
        except ValueError as exc:
            yield f"audit_anchors: {exc}"
    if settings.outbound_ca_bundle and not _is_file(settings.outbound_ca_bundle):
        yield "outbound_ca_bundle: file not found"


def _certificate_problems(settings: DeclaredSettings) -> Iterator[str]:
    names = ("client_certificate_header", "client_certificate_verified_header")
    for name in names:
        if getattr(settings, name) and not _HEADER.fullmatch(getattr(settings, name)):
            yield f"{name} must be a header name of letters and digits only, like XClientCert"
    if settings.forwarded_header not in _FORWARDED_HEADERS:
        yield f"forwarded_header must be one of {', '.join(_FORWARDED_HEADERS)}"
    if settings.client_certificate_header and not settings.trusted_proxies:
        yield "client_certificate_header requires trusted_proxies: otherwise any client could send it"
    if settings.client_certificate_verified_header and not settings.client_certificate_header:
        yield "client_certificate_verified_header requires client_certificate_header"
    if settings.mtls_origin and not _ORIGIN.fullmatch(settings.mtls_origin):
        yield "mtls_origin must be an https origin without path, like https://mtls.example"
    if settings.mtls_origin and not settings.client_certificate_header:
        yield "mtls_origin requires client_certificate_header"


def _registration_problems(settings: DeclaredSettings) -> Iterator[str]:
    if settings.registration not in {"off", "token", "open"}:
        yield "registration must be off, token or open"
    if not all(map(_SCOPE.fullmatch, settings.registration_scopes)):
        yield "registration_scopes must hold scopes"
    # These scopes act on behalf of many people or of the provider; only the operator grants them (SEC-802).
    if reserved := {"account", "global_token_revocation"}.intersection(settings.registration_scopes):
        yield f"registration_scopes must not contain {' or '.join(sorted(reserved))}"
    if any(scope.startswith("curfew:") for scope in settings.registration_scopes):
        yield "registration_scopes must not contain scopes of administration, which begin with curfew:"
    if not all(map(_HOST.fullmatch, settings.registration_trusted_hosts)):
        yield "registration_trusted_hosts must hold host names in lower case, without scheme and port"
    if settings.software_statement_issuers and not _has_issuers(settings.software_statement_issuers):
        yield "software_statement_issuers must name a JSON file: an object of issuers, each with its JWK Set"


def _has_issuers(path: Path) -> bool:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(read, dict) and all(
        isinstance(keys, dict) and isinstance(keys.get("keys"), list) for keys in read.values()
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # The name is too long or contains NUL.
        return False


def _is_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) == 32
    except (binascii.Error, ValueError):
        return False
