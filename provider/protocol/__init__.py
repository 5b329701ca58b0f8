"""What the specifications say, as pure functions and frozen values: no I/O, no framework.

Short names used in citations: core, discovery, registration, rpinitiated, backchannel (OpenID
Connect); rfc6749, rfc6750, rfc7009, rfc7591, rfc7636, rfc7662, rfc8252, rfc8414, rfc9068, rfc9207, rfc9700.
"""
