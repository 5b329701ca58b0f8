"""The settings themselves: one declaration each, with meaning and default."""

from dataclasses import MISSING, dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from provider.config.checks import WrongSettings, problems_of
from provider.config.values import as_network

DEFAULT_SCHEDULE = tuple(
    timedelta(seconds=seconds)
    for seconds in (2, 10, 30, 120, 300, 900, 3600, 10800, 21600, 43200, 86400, 86400)
)


def setting(meaning: str, *, default: Any = MISSING, secret: bool = False) -> Any:
    """Declare a setting: what it means, its default, and whether its value may be shown."""
    return field(default=default, repr=not secret, metadata={"meaning": meaning, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The provider's settings; each field's meaning stands in its declaration."""

    issuer: str = setting(
        "The `iss` of every token: an https URL without query or fragment (http only for localhost).",
        default="http://localhost:8900",
    )
    data_dir: Path = setting(
        "Folder of the embedded database, the key file and what this host has seen of its database.",
        default=Path("data"),
    )
    database_url: str = setting(
        "SQLAlchemy URL; `sqlite:///…` or `postgresql+psycopg://…`. Empty: SQLite in `data_dir`.",
        default="",
        secret=True,
    )
    database_pool_size: int = setting("Database connections per process.", default=20)
    database_deadline: timedelta = setting(
        "How long one web request may wait for the database in all, its time in the queue included; then it "
        "is answered 503. Commands and workers take the time they need.",
        default=timedelta(seconds=5),
    )
    database_pause: timedelta = setting(
        "How long a transaction may do nothing before the database ends it, so that a process that is frozen "
        "or cut off does not keep rows locked (PostgreSQL). Shorter than the deadline, so that whoever waits "
        "for such a row gets it in time.",
        default=timedelta(seconds=4),
    )
    broker_url: str = setting(
        "Redis or Valkey URL for Celery. Empty: no broker, workers find deliveries by sweeping alone.",
        default="",
        secret=True,
    )
    secret_key: str = setting(
        "Key-encryption key, 32 bytes in base64url. Empty: read from or made in `data_dir/secret.key`.",
        default="",
        secret=True,
    )
    log_level: str = setting("Least level of the log: DEBUG, INFO, WARNING or ERROR.", default="INFO")
    metrics_bearer_token: str = setting(
        "Opens `/metrics` to whoever presents it, as a bearer token. Empty: there is no such address.",
        default="",
        secret=True,
    )

    trusted_proxies: int = setting(
        "How many proxies in front add the address that they see to the forwarded header.", default=0
    )
    forwarded_header: str = setting(
        "The header that these proxies write: X-Forwarded-For, or Forwarded (RFC 7239).",
        default="X-Forwarded-For",
    )
    client_certificate_header: str = setting(
        "Header, like XClientCert, in which the trusted proxy passes a client's TLS certificate on: "
        "percent-encoded PEM, base64 or as in RFC 9440; it overwrites what came in. Empty: no certificates.",
        default="",
    )
    client_certificate_verified_header: str = setting(
        "Header in which that proxy says SUCCESS or 0 of a certificate that leads to an authority it trusts. "
        "Empty: no `tls_client_auth`.",
        default="",
    )
    mtls_origin: str = setting(
        "The https origin where clients with certificates reach the same endpoints, if it is not the "
        "issuer's; listed as `mtls_endpoint_aliases`.",
        default="",
    )
    max_body_bytes: int = setting("Largest request body that is read.", default=128 * 1024)
    request_body_deadline: timedelta = setting(
        "How long the body of a request may take to arrive; once half of it has passed, the sender must "
        "also have kept up 1 kB per second.",
        default=timedelta(seconds=10),
    )
    max_parameter_bytes: int = setting("Largest single parameter of a protocol request.", default=8 * 1024)
    default_locale: str = setting("Language of the pages when nobody asks for one: en or de.", default="en")

    session_idle_lifetime: timedelta = setting(
        "A session ends that no app's sign-in, refresh or account page has used for so long.",
        default=timedelta(hours=1),
    )
    refresh_counts_as_use: bool = setting(
        "Whether refreshing tokens that end with the session counts as its use; UserInfo, introspection and "
        "tokens with offline_access never do.",
        default=True,
    )
    session_lifetime: timedelta = setting("How long a session may live at all.", default=timedelta(hours=24))
    interaction_lifetime: timedelta = setting(
        "How long a person may take to answer a page.", default=timedelta(minutes=30)
    )
    sessions_per_account: int = setting(
        "Sessions that one person may have at once; one more ends the oldest. 0: no limit.", default=0
    )
    code_lifetime: timedelta = setting("Life of an authorization code.", default=timedelta(seconds=60))
    id_token_lifetime: timedelta = setting("Life of an ID Token.", default=timedelta(hours=1))
    access_token_lifetime: timedelta = setting("Life of an access token.", default=timedelta(hours=1))
    jwt_access_token_lifetime: timedelta = setting(
        "Life of a signed access token; a resource server that does not ask believes it for so long.",
        default=timedelta(minutes=5),
    )
    dpop_nonce_required: bool = setting("Whether DPoP proofs must hold a nonce of ours.", default=False)
    refresh_token_idle_lifetime: timedelta = setting(
        "A refresh token unused for so long is dead.", default=timedelta(days=14)
    )
    grant_lifetime: timedelta = setting("How long a grant lives.", default=timedelta(days=180))
    refresh_reuse_interval: timedelta = setting(
        "A confidential client may repeat a refresh within this time and gets the same successor.",
        default=timedelta(seconds=10),
    )

    registration: str = setting(
        "Who may register clients by Dynamic Registration: off (nobody), token (who has an initial access "
        "token) or open (anybody).",
        default="off",
    )
    registration_limit: str = setting(
        "Registrations and their changes allowed per address.", default="100 per hour"
    )
    registration_scopes: tuple[str, ...] = setting(
        "Scopes beyond the standard ones that a client may register by itself.", default=()
    )
    software_statement_issuers: Path | None = setting(
        "JSON file with whose software statements are believed: an object of issuers, each with its JWK Set.",
        default=None,
    )
    client_assertion_endpoint_audience: bool = setting(
        "Whether a client assertion may name the token endpoint or the one that is called as its audience, "
        "as old clients do, instead of the issuer alone.",
        default=False,
    )

    argon2_memory: int = setting("Memory of one password hash, in KiB (argon2id).", default=19 * 1024)
    argon2_passes: int = setting("Passes of one password hash.", default=2)
    argon2_concurrency: int = setting("Password hashes computed at once per process.", default=4)
    password_min_length: int = setting("Shortest password that may be set.", default=15)
    sign_in_limit_account: str = setting("Failed sign-ins allowed per account.", default="10 per 5 minutes")
    sign_in_limit_address: str = setting("Failed sign-ins allowed per address.", default="100 per 5 minutes")
    device_code_lifetime: timedelta = setting(
        "How long a device waits until somebody has typed its code.", default=timedelta(minutes=10)
    )
    device_code_limit_account: str = setting(
        "Codes of devices that one person may type.", default="10 per 10 minutes"
    )
    device_code_limit_address: str = setting(
        "Codes of devices that may be typed at one address.", default="100 per 10 minutes"
    )
    device_request_limit_address: str = setting(
        "Codes that devices at one address may ask for.", default="100 per 10 minutes"
    )
    logo_limit_address: str = setting(
        "Logos of apps that one address may have us fetch.", default="100 per 10 minutes"
    )

    pushed_request_lifetime: timedelta = setting(
        "How long a pushed authorization request waits for its person.", default=timedelta(seconds=60)
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
        "Whether legacy clients may be given ID Tokens and access tokens by the authorization endpoint.",
        default=False,
    )
    frontchannel_logout: bool = setting(
        "Whether Front-Channel Logout is offered beside the back channel.", default=False
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
        "After so long an undelivered Logout Token has lost its meaning and expires.",
        default=timedelta(hours=72),
    )
    delivery_lease: timedelta = setting(
        "How long a worker owns a claimed delivery; longer than the outbound deadline.",
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
        "Deliveries per second to one relying party, all workers together.", default=50
    )
    address_concurrency: int = setting(
        "Deliveries in flight to one network address, all workers together.", default=20
    )
    address_rate: int = setting(
        "Deliveries per second to one network address, all workers together.", default=100
    )
    endpoint_probe_wait: timedelta = setting(
        "How long a failing relying party is left in peace at first; doubles up to thirty times as long.",
        default=timedelta(seconds=30),
    )
    endpoint_degraded_after: timedelta = setting(
        "A relying party that has failed for so long is reported, and again every day.",
        default=timedelta(minutes=15),
    )
    sweep_interval: timedelta = setting(
        "How often workers look for due deliveries by themselves.", default=timedelta(seconds=5)
    )
    mass_ending_batch: int = setting(
        "How many rows of a mass ending are looked up at once; each is ended by itself.", default=500
    )
    mass_ending_pace: int = setting("Deliveries per second that a mass ending may add.", default=1000)
    logout_token_lifetime: timedelta = setting("Life of a Logout Token.", default=timedelta(minutes=2))

    outbound_allow: tuple[str, ...] = setting(
        "Private networks (CIDR) or hosts that relying parties may live in, comma separated.", default=()
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
    delivery_retention: timedelta = setting(
        "How long finished deliveries are kept.", default=timedelta(days=90)
    )

    def __post_init__(self) -> None:
        problems = list(problems_of(self))
        if problems:
            raise WrongSettings(problems)

    @property
    def is_https(self) -> bool:
        """Whether people reach the provider by https, so that cookies may demand it."""
        return self.issuer.startswith("https://")

    @property
    def resolved_database_url(self) -> str:
        """The database in use: the one that is set, or SQLite in the data folder."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'curfew.sqlite3').resolve()}"

    @property
    def outbound_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The allow-list's networks."""
        return tuple(n for n in map(as_network, self.outbound_allow) if n is not None)

    @property
    def outbound_hosts(self) -> tuple[str, ...]:
        """The allow-list's host names."""
        return tuple(entry.lower() for entry in self.outbound_allow if as_network(entry) is None)
