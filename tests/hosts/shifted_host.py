"""Run `curfew` on a host whose clock is wrong: the first argument is the seconds by which it is off."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path


def run() -> None:
    """Turn this machine's own clock, which the provider corrects, and run the command."""
    off_by = timedelta(seconds=float(sys.argv.pop(1)))
    sys.path.insert(0, str(Path.cwd()))

    from provider.command import main
    from provider.infrastructure import clock

    clock.use_as_local(lambda: datetime.now(UTC) + off_by)
    main()


if __name__ == "__main__":
    run()
