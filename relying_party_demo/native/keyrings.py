"""The keyrings that the app trusts: those of operating systems and desktops, named one by one.

The library would use any installed backend. `keyrings.alt`, which other packages pull in, has backends that
write plain text files, so the choice is not left to the library.
"""

from keyring.backend import KeyringBackend, get_all_keyring

TRUSTED = frozenset(
    {
        "keyring.backends.macOS.Keyring",
        "keyring.backends.Windows.WinVaultKeyring",
        "keyring.backends.SecretService.Keyring",
        "keyring.backends.libsecret.Keyring",
        "keyring.backends.kwallet.DBusKeyring",
        "keyring.backends.kwallet.DBusKeyringKWallet4",
    }
)


def find_keyring() -> KeyringBackend | None:
    """Return the best trusted keyring of this machine, or None."""
    found = [backend for backend in get_all_keyring() if is_trusted(backend)]
    return max(found, key=lambda backend: backend.priority, default=None)


def is_trusted(backend: KeyringBackend) -> bool:
    """Return whether this backend's own class, not a base class, is on the list."""
    kind = type(backend)
    return f"{kind.__module__}.{kind.__qualname__}" in TRUSTED
