"""Central sessions, one per browser, and each client's share of them.

Knows grants, accounts and clients; knows nothing of tokens, cookies or HTTP. A session ends here by
one conditional update; telling the relying parties is `provider.logout`'s part.
"""
