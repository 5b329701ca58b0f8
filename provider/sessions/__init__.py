"""Central sessions, one per browser, and in each of them a client session per client.

Knows grants, accounts and clients; knows nothing of tokens, cookies or HTTP. A session ends here by
one conditional update; notifying the relying parties is `provider.logout`'s part.
"""
