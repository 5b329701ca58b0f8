"""What the installed wheel offers; `make wheel-check` plays it outside the checkout."""
