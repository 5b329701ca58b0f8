"""The features of the installed wheel; `make wheel-check` plays them outside the checkout."""
