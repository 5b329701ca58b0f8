"""What somebody has who installs the wheel; `make wheel-check` plays it outside the checkout."""
