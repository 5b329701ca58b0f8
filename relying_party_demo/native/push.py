"""The hook for push registrations: called when a person signs in, and in every kind of sign-out.

On a phone this is the system's messaging service. Here it is a command of the owner's, called with
`register` or `deregister` and the registration's id.
"""

import subprocess
from dataclasses import dataclass

# A sign-out must not wait longer for it.
HOOK_SECONDS = 2.0


class HookFailed(Exception):
    """The hook did not do it; it has to be called again."""


@dataclass(frozen=True, slots=True)
class PushHook:
    """The hook; without a command there is nothing to register."""

    command: str

    def register(self, registration: str) -> None:
        """Have notifications for the person sent to this device. Raises HookFailed."""
        self._call("register", registration)

    def deregister(self, registration: str) -> None:
        """Have no more notifications sent to this device. Raises HookFailed."""
        self._call("deregister", registration)

    def _call(self, act: str, registration: str) -> None:
        if not self.command:
            return
        try:
            subprocess.run(  # noqa: S603 – the owner's own command.
                [self.command, act, registration],
                check=True,
                timeout=HOOK_SECONDS,
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )
        except (OSError, subprocess.SubprocessError) as exc:
            raise HookFailed(f"the push hook did not {act} this device") from exc
