"""The settings of passwords, and the limits on what people and their devices may try."""

from dataclasses import dataclass
from datetime import timedelta

from provider.config.declare import setting


@dataclass(frozen=True, kw_only=True)
class SignInSettings:
    """The second part of the settings."""

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
