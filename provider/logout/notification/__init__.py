"""Notify relying parties of a logout, and show the outcome at each of them.

`outbox` hands Logout Tokens to `provider.delivery`, `logout_token` builds them, `front_channel` lists the
frames that a browser loads, `progress` and `summary` read the results, `budget` bounds how long a person
waits for them, and `watch` reports endpoints that have failed for a long time. `provider.logout.fanout`
decides who is notified.
"""
