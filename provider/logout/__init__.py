"""Logout: what ends, what survives, which clients are notified, and the record that proves it.

There is a file for each verb (`end_session`, `end_client_session`, `end_grant`, `everywhere`, `others`) and
for the rows that it reads; every cause makes one `Logout` in one transaction with its deliveries and audit
entry. `bulk` ends a great many sessions at once, `notification` holds the Logout Tokens and their results.
Knows no pages and no HTTP; `provider.delivery` sends.
"""
