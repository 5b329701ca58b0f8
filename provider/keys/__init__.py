"""The signing keys: made, published, used, rotated and destroyed here, and nowhere else.

`jwt.py` is the only module that signs a token and the only importer of PyJWT. Knows nothing of
what a token means; which claims it carries is decided by the room that issues it.
"""
