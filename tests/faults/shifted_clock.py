"""Run `curfew` in another time: the first argument names a file with the seconds by which it is off."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path


def run() -> None:
    """Turn the provider's one clock by what the file says at each moment, and run the command."""
    file = Path(sys.argv.pop(1))
    sys.path.insert(0, str(Path.cwd()))

    from provider.command import main
    from provider.infrastructure import clock

    clock.use(lambda: datetime.now(UTC) + timedelta(seconds=float(file.read_text() or 0)))
    main()


if __name__ == "__main__":
    run()
