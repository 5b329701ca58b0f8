"""The settings of passwords, and the limits on what people and their devices may try."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from provider.config.declare import setting


@dataclass(frozen=True, kw_only=True)
class SignInSettings:
    """The second part of the settings."""

    argon2_memory: int = setting("Memory of one password hash, in KiB (argon2id).", default=19 * 1024)
    argon2_passes: int = setting("Passes of one password hash.", default=2)
    argon2_concurrency: int = setting("Password hashes computed at once per process.", default=4)
    password_min_length: int = setting("Shortest password that may be set.", default=15)
    common_passwords_file: Path | None = setting(
        "Text file, plain or gzip, with passwords that may not be set in addition to the built-in common "
        "ones, one per line. A million entries take 8 MB in each process and some seconds at startup.",
        default=None,
    )
    sign_in_limit_account: str = setting(
        "Failed sign-ins allowed per account and network, from browsers in which the person has not signed "
        "in before.",
        default="10 per 5 minutes",
    )
    sign_in_limit_address: str = setting(
        "Failed sign-ins allowed per network, over all accounts, from such browsers.",
        default="100 per 5 minutes",
    )
    sign_in_limit_everywhere: str = setting(
        "Failed sign-ins allowed per account, over all networks, from such browsers; beyond it, "
        "`sign_in_limit_slow` also applies to the account.",
        default="100 per hour",
    )
    sign_in_limit_slow: str = setting(
        "Sign-ins that each network may still try for an account with too many failed ones.",
        default="3 per 30 minutes",
    )
    sign_in_limit_browser: str = setting(
        "Failed sign-ins allowed per account in a browser in which the person has signed in before. The "
        "limits above apply to such a browser only after this one is exceeded.",
        default="10 per hour",
    )
    known_browser_lifetime: timedelta = setting(
        "How long after a sign-in the browser counts as one in which the person has signed in before.",
        default=timedelta(days=180),
    )
    device_code_lifetime: timedelta = setting(
        "How long a device waits for a person to enter its code.", default=timedelta(minutes=10)
    )
    device_code_limit_account: str = setting(
        "Device codes that one person may enter.", default="10 per 10 minutes"
    )
    device_code_limit_address: str = setting(
        "Device codes that may be entered from one address.", default="100 per 10 minutes"
    )
    device_request_limit_address: str = setting(
        "Device codes that may be requested from one address.", default="100 per 10 minutes"
    )
    logo_limit_address: str = setting(
        "App logos that may be fetched on behalf of one address.", default="100 per 10 minutes"
    )
    admin_sign_in_age: timedelta = setting(
        "How long ago a person may have signed in for dangerous acts of administration: bulk logout, keys, "
        "roles, secrets, resets and deletion.",
        default=timedelta(minutes=10),
    )
    admin_request_limit: str = setting(
        "Requests to the admin API allowed per caller: a service, or a person at one app.",
        default="600 per minute",
    )
