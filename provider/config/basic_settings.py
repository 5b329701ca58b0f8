"""The settings of the service itself: addresses, database, lifetimes, registration."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from provider.config.declare import setting


@dataclass(frozen=True, kw_only=True)
class BasicSettings:
    """The first part of the settings."""

    issuer: str = setting(
        "The `iss` of every token: an https URL without query or fragment (http only for localhost). "
        "It may have a path; a separate host is safer.",
        default="http://localhost:8900",
    )
    data_dir: Path = setting(
        "Folder of the embedded database, the key file and the record of the last known database state.",
        default=Path("data"),
    )
    database_url: str = setting(
        "SQLAlchemy URL; `sqlite:///…` or `postgresql+psycopg://…`. Empty: SQLite in `data_dir`.",
        default="",
        secret=True,
    )
    database_pool_size: int = setting("Database connections per process.", default=20)
    database_deadline: timedelta = setting(
        "Total time that a web request may wait for the database, including its time in the queue; after "
        "that it is answered 503. Commands and workers have no such limit.",
        default=timedelta(seconds=5),
    )
    database_pause: timedelta = setting(
        "How long a transaction may do nothing before the database ends it, so that a process that is frozen "
        "or cut off does not keep rows locked (PostgreSQL). Shorter than the deadline, so that a request "
        "that waits for such a row gets it in time.",
        default=timedelta(seconds=4),
    )
    broker_url: str = setting(
        "Redis or Valkey URL for Celery. Empty: no broker; workers find deliveries only by sweeping, except "
        "that of `curfew serve --with-worker`, which is woken.",
        default="",
        secret=True,
    )
    secret_key: str = setting(
        "Key-encryption key, 32 bytes in base64url. Empty: read from or made in `data_dir/secret.key`.",
        default="",
        secret=True,
    )
    log_level: str = setting("Minimum log level: DEBUG, INFO, WARNING or ERROR.", default="INFO")
    metrics_bearer_token: str = setting(
        "Opens `/metrics` to callers that present it as a bearer token; 16 characters or more. "
        "Empty: `/metrics` does not exist.",
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
        "Header in which that proxy sends SUCCESS or 0 for a certificate issued by an authority it trusts. "
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
        "How long a request body may take to arrive; after half of that time the average rate must also be "
        "at least 1 kB per second.",
        default=timedelta(seconds=10),
    )
    max_parameter_bytes: int = setting("Largest single parameter of a protocol request.", default=8 * 1024)
    default_locale: str = setting(
        "Language of the pages when the browser accepts none of the available ones: en or de.", default="en"
    )

    session_idle_lifetime: timedelta = setting(
        "A session that no sign-in, refresh or account page has used for this long ends, up to a sixtieth "
        "earlier.",
        default=timedelta(hours=1),
    )
    refresh_counts_as_use: bool = setting(
        "Whether refreshing tokens that end with the session counts as its use; UserInfo, introspection and "
        "tokens with offline_access never do.",
        default=True,
    )
    session_lifetime: timedelta = setting("Maximum lifetime of a session.", default=timedelta(hours=24))
    interaction_lifetime: timedelta = setting(
        "How long a person has to answer a page.", default=timedelta(minutes=30)
    )
    sessions_per_account: int = setting(
        "Maximum number of sessions per person; a further sign-in ends the oldest. 0: no limit.", default=0
    )
    code_lifetime: timedelta = setting("Lifetime of an authorization code.", default=timedelta(seconds=60))
    id_token_lifetime: timedelta = setting("Lifetime of an ID Token.", default=timedelta(hours=1))
    access_token_lifetime: timedelta = setting("Lifetime of an access token.", default=timedelta(hours=1))
    jwt_access_token_lifetime: timedelta = setting(
        "Lifetime of a signed access token; a resource server that does not use introspection accepts it "
        "until then.",
        default=timedelta(minutes=5),
    )
    dpop_nonce_required: bool = setting(
        "Whether DPoP proofs must contain a nonce issued by this provider.", default=False
    )
    refresh_token_idle_lifetime: timedelta = setting(
        "A refresh token that is unused for this long expires.", default=timedelta(days=14)
    )
    grant_lifetime: timedelta = setting("Lifetime of a grant.", default=timedelta(days=180))
    refresh_reuse_interval: timedelta = setting(
        "A confidential client may repeat a refresh within this time and gets the same successor.",
        default=timedelta(seconds=10),
    )

    registration: str = setting(
        "Dynamic Client Registration: off, token (requires an initial access token) or open (no "
        "authentication).",
        default="off",
    )
    registration_limit: str = setting(
        "Registrations and changes to them allowed per address.", default="100 per hour"
    )
    registration_scopes: tuple[str, ...] = setting(
        "Scopes beyond the standard ones that a self-registered client may register.", default=()
    )
    registration_trusted_hosts: tuple[str, ...] = setting(
        "Hosts of self-registered apps to which people are sent back without a page in between, comma "
        "separated; for a certification suite, for example.",
        default=(),
    )
    software_statement_issuers: Path | None = setting(
        "JSON file with the trusted issuers of software statements: an object of issuers, each with its "
        "JWK Set.",
        default=None,
    )
    client_assertion_endpoint_audience: bool = setting(
        "Whether the audience of a client assertion may also be the token endpoint or the called endpoint, "
        "or a list of these, as older clients send; otherwise only the issuer is accepted.",
        default=False,
    )
