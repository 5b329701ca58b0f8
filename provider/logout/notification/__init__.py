"""Notify relying parties of a logout, and show the outcome at each of them.

`outbox` hands Logout Tokens to `provider.delivery`, `logout_token` builds them, `front_channel` lists the
frames of a browser, `progress` and `summary` read what happened, `budget` bounds how long a person waits for
it, and `watch` reports endpoints that have failed for long. `provider.logout.fanout` decides who is notified.
"""
