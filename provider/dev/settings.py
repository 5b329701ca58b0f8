"""The settings of a provider for development; nothing is read from the environment."""

from datetime import timedelta
from pathlib import Path

from provider.config import Settings

_LOOPBACK = ("127.0.0.0/8", "::1/128", "localhost")
# No test run reaches these limits, although all of its requests come from one address.
_NO_LIMIT = "1000000 per minute"


def settings_for(port: int, data_dir: Path) -> Settings:
    """Return the settings of a provider on this port of loopback."""
    return Settings(
        issuer=f"http://localhost:{port}",
        data_dir=data_dir,
        log_level="WARNING",
        outbound_allow=_LOOPBACK,
        registration="open",
        registration_limit=_NO_LIMIT,
        registration_trusted_hosts=("localhost", "127.0.0.1"),
        # On one machine, waiting a second for the first attempts is enough.
        notify_budget=timedelta(seconds=1),
        # These passwords are printed: a costly hash would protect nothing and make tests slow.
        argon2_memory=1024,
        argon2_passes=1,
        password_min_length=8,
        sign_in_limit_account=_NO_LIMIT,
        sign_in_limit_address=_NO_LIMIT,
        sign_in_limit_everywhere=_NO_LIMIT,
        sign_in_limit_slow=_NO_LIMIT,
        sign_in_limit_browser=_NO_LIMIT,
        device_code_limit_account=_NO_LIMIT,
        device_code_limit_address=_NO_LIMIT,
        device_request_limit_address=_NO_LIMIT,
        # The worker is part of this process, which must not be bound to one processor.
        worker_one_cpu=False,
    )
