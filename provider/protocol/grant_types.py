"""The grant types whose names are long (rfc8628 §3.4, rfc8693 §2.1)."""

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 – a name, no token.
