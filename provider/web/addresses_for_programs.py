"""Which addresses are asked by programs, and at which of them a script of another site may ask."""

import re

# Programs speak here and read JSON; everywhere else is a person.
_PROGRAM_PATHS = frozenset(
    {
        *("/token", "/userinfo", "/introspect", "/revoke", "/jwks", "/register", "/par"),
        *("/device-authorization", "/global-token-revocation", "/openapi.json", "/metrics"),
    }
)
_PROGRAM_PREFIXES = ("/.well-known/", "/api/", "/health/", "/register/")
# Other addresses below /account are pages for people.
_ACCOUNT_API = re.compile(r"/account/(sign-out-everywhere|sessions(/[^/]+)?|grants(/[^/]+)?)")
# Where an app in a browser asks, and reads the answer if it comes from its own pages.
_FOR_OWN_PAGES = frozenset({"/token", "/userinfo", "/revoke", "/par"})
# What is the same for everyone.
_FOR_ALL_PAGES = frozenset({"/jwks", "/openapi.json"})


def is_for_programs(path: str) -> bool:
    """Whether this address is asked by programs."""
    return path in _PROGRAM_PATHS or path.startswith(_PROGRAM_PREFIXES) or is_account_api(path)


def is_account_api(path: str) -> bool:
    """Whether this is an address of the account API."""
    return _ACCOUNT_API.fullmatch(path) is not None


def is_registration(path: str) -> bool:
    """Whether apps register themselves here; what is answered is a secret of the one that asked."""
    return path == "/register" or path.startswith("/register/")


def is_for_own_pages(path: str) -> bool:
    """Whether the pages of an app in a browser may read answers that are about that app."""
    return path in _FOR_OWN_PAGES or is_account_api(path)


def is_public(path: str) -> bool:
    """Whether any page may read the answer, because it is the same for everyone."""
    return path in _FOR_ALL_PAGES or path.startswith("/.well-known/")


def is_open_to_scripts(path: str) -> bool:
    """Whether a browser that asks before it sends a script's request gets an answer."""
    return is_for_own_pages(path) or is_public(path) or is_registration(path)
