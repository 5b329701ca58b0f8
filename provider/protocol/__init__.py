"""Rules of the specifications, as pure functions and frozen values: no I/O, no framework.

Short names used in citations: core, discovery, registration, rpinitiated, backchannel (OpenID Connect);
rfc6749, rfc6750, rfc7009, rfc7591, rfc7592, rfc7636, rfc7662, rfc8252, rfc8414, rfc8628, rfc8693, rfc8705,
rfc8707, rfc9068, rfc9101, rfc9126, rfc9207, rfc9449, rfc9470, rfc9700, rfc9701 (OAuth); FAPI 2.0, in tests
fapi2 (its Security Profile); message signing (FAPI 2.0 Message Signing); jarm (JWT Secured Authorization
Response Mode); rfc7515 to rfc7519 and rfc7638 (JOSE).
"""
