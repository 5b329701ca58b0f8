"""Bounds that all stores share."""

# Beyond so many sessions of one person at one app the oldest lose their link; a logout still refuses them.
LINKS_KEPT = 1000
