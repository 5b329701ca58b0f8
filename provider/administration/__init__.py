"""The operator's acts, one function each: its checks, its change, its consequences and its audit entry.

The command, self-registration and every other edge call the same functions, so that an act has the same
consequences wherever it comes from. Opens no transaction, because the edge does; knows nothing of options,
forms or HTTP. Definitions and storage are left to the rooms below.
"""
