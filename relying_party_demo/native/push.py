"""The hook for push registrations: called when a person signs in, and in every kind of sign-out.

On a phone this is the system's messaging service. Here it is a command configured by the owner, called with
`register` or `deregister` and the registration's id.
"""

import subprocess
from dataclasses import dataclass

# A sign-out must not wait longer than this for the hook.
HOOK_SECONDS = 2.0


class HookFailed(Exception):
    """The hook failed; it has to be called again."""


@dataclass(frozen=True, slots=True)
class PushHook:
    """The hook; without a command there is nothing to register."""

    command: str

    def register(self, registration: str) -> None:
        """Register this device for the person's notifications. Raises HookFailed."""
        self._call("register", registration)

    def deregister(self, registration: str) -> None:
        """Stop notifications to this device. Raises HookFailed."""
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
