"""Limits that all stores share."""

# With more sessions of one person at one app, the oldest lose their links; they are still rejected after a
# logout.
LINKS_KEPT = 1000
