"""The audit log: who did what to whom, when and from where, written in the transaction of the action.

Each entry carries a keyed digest from the moment it is written; a leased duty links the entries into a hash
chain, so that a changed or missing entry is detected. Knows no other room.
"""
