"""The settings of protocol, delivery, keys and retention; others: `basic_settings`, `sign_in_settings`.

This file only declares settings; `checks` validates them, and `settings` derives values from them.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from provider.config.basic_settings import BasicSettings
from provider.config.declare import setting
from provider.config.sign_in_settings import SignInSettings

DEFAULT_SCHEDULE = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 2, 4, 8, 30, 120, 300, 900, 3600, 10800, 21600, 43200, 86400, 86400)
)


@dataclass(frozen=True, kw_only=True)
class DeclaredSettings(SignInSettings, BasicSettings):
    """Every setting as declared; each declaration states the meaning of its field.

    The fields of the last base class come first, also in the table of settings.
    """

    parked_request_limit_address: str = setting(
        "Requests that may be stored for one address while they wait for a person; one of more than 2 kB "
        "counts several times. Most sign-ins wait in the address of their page instead, and do not count.",
        default="600 per minute",
    )
    sealed_request_bytes: int = setting(
        "Maximum length, in characters, of a request that waits for a sign-in in the address of the page. A "
        "longer one is stored; 0 stores all.",
        default=1800,
    )
    pushed_request_lifetime: timedelta = setting(
        "Lifetime of a pushed authorization request.", default=timedelta(seconds=60)
    )
    pushed_request_limit: str = setting(
        "Authorization requests that one client may push from one network.", default="1000 per minute"
    )
    require_pushed_authorization_requests: bool = setting(
        "Whether every client must push its authorization requests.", default=False
    )
    request_objects: bool = setting(
        "Whether clients may send their authorization requests as signed request objects.", default=True
    )
    hybrid_response_types: bool = setting(
        "Whether the authorization endpoint may issue ID Tokens and access tokens to legacy clients.",
        default=False,
    )
    frontchannel_logout: bool = setting(
        "Whether Front-Channel Logout is offered in addition to the back channel.", default=False
    )
    session_management: bool = setting(
        "Whether Session Management (check_session_iframe) is offered.", default=False
    )
    notify_budget: timedelta = setting(
        "How long sign-out waits for the first delivery attempts before it answers.",
        default=timedelta(seconds=1),
    )
    delivery_schedule: tuple[timedelta, ...] = setting(
        "Waits between attempts at one relying party; the last is repeated until the horizon.",
        default=DEFAULT_SCHEDULE,
    )
    delivery_horizon: timedelta = setting(
        "An undelivered notification expires after this time.",
        default=timedelta(hours=72),
    )
    delivery_lease: timedelta = setting(
        "How long a worker's lease on a delivery lasts; must be greater than the outbound deadline.",
        default=timedelta(seconds=60),
    )
    delivery_concurrency: int = setting("Deliveries in flight per worker process.", default=32)
    worker_one_cpu: bool = setting(
        "Keep a worker process on one CPU at a time, where it is faster (Linux); run one worker per CPU.",
        default=True,
    )
    endpoint_concurrency: int = setting(
        "Deliveries in flight to one relying party, all workers together.", default=10
    )
    endpoint_rate: int = setting(
        "Deliveries per second to one relying party, all workers together.", default=1000
    )
    origin_concurrency: int = setting(
        "Deliveries in flight to one origin of your own clients, all workers together. A worker sends less "
        "while the origin answers 429 or 503 or slows down.",
        default=50,
    )
    origin_rate: int = setting(
        "Deliveries per second to one origin of your own clients, all workers together. A worker sends less "
        "while the origin answers 429 or 503 or slows down.",
        default=1000,
    )
    address_concurrency: int = setting(
        "Deliveries in flight to one network address of clients that registered themselves, all workers "
        "together.",
        default=20,
    )
    address_rate: int = setting(
        "Deliveries per second to one network address of clients that registered themselves, all workers "
        "together.",
        default=100,
    )
    endpoint_probe_wait: timedelta = setting(
        "How long deliveries to a failing relying party pause at first; doubles up to thirty times this "
        "value.",
        default=timedelta(seconds=30),
    )
    endpoint_degraded_after: timedelta = setting(
        "A relying party that has failed for this long is reported as degraded, and again every day.",
        default=timedelta(minutes=15),
    )
    sweep_interval: timedelta = setting(
        "How often workers look for due deliveries without being woken.", default=timedelta(seconds=5)
    )
    bulk_logout_batch: int = setting("How many rows of a bulk logout are read at once.", default=500)
    bulk_logout_pace: int = setting("Deliveries per second that a bulk logout may add.", default=1000)
    logout_token_lifetime: timedelta = setting("Lifetime of a Logout Token.", default=timedelta(minutes=2))

    outbound_allow: tuple[str, ...] = setting(
        "Private networks (CIDR) or hosts that may be called, comma separated.", default=()
    )
    outbound_ca_bundle: Path | None = setting("CA bundle (PEM) for outbound TLS.", default=None)
    outbound_connect_timeout: timedelta = setting("Time to connect.", default=timedelta(seconds=3))
    outbound_deadline: timedelta = setting(
        "Time for a whole outbound request.", default=timedelta(seconds=10)
    )

    rsa_key_bits: int = setting("Size of new RSA keys: 2048, 3072 or 4096.", default=2048)
    key_rotation_period: timedelta = setting(
        "Age at which a signing key is replaced.", default=timedelta(days=90)
    )
    key_publish_before_use: timedelta = setting(
        "How long a new key is published before it signs.", default=timedelta(hours=24)
    )
    key_publish_after_use: timedelta = setting(
        "How long a retired key stays in the JWKS.", default=timedelta(hours=48)
    )
    audit_retention: timedelta = setting("How long audit events are kept.", default=timedelta(days=400))
    audit_anchors: tuple[str, ...] = setting(
        "Where the end of the audit chain is anchored, comma separated: `file:/path`, "
        "`syslog+udp://host:514`, `syslog+tcp://host:601`, `syslog+unix:/dev/log`, or an `https` URL that "
        "takes a PUT, in which `{seq}` stands for the entry's number.",
        default=(),
        secret=True,
    )
    audit_anchor_every: timedelta = setting("How often it is anchored.", default=timedelta(hours=1))
    audit_anchor_token: str = setting(
        "Bearer token for anchors that are put to a URL.", default="", secret=True
    )
    delivery_retention: timedelta = setting(
        "How long finished deliveries are kept.", default=timedelta(days=90)
    )
