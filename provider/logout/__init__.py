"""The story of an ending: what ends, what survives, who is told – and the record that proves it.

Every cause of an ending comes through here and makes one `Logout` in one transaction with its
deliveries and audit entry. Knows nothing of pages or HTTP; sending is `provider.delivery`'s part.
"""
