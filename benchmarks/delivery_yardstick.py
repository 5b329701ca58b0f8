"""The cost of the same POSTs without us: a bare loop over `requests` or `urllib3`, with keep-alive.

`python -m benchmarks.delivery_yardstick requests|signing|urllib3 ES256|RS256 PORT COUNT TIMES` posts TIMES
tokens to the receivers in turn and prints how many there were a second. `signing` is the loop over `requests`
that makes each token first, as every sender of Logout Tokens must.
"""

import sys
import time
from collections.abc import Callable

_TOKEN = "a" * 760
_HEADERS = {
    "Curfew-Delivery": "0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60",
    "Curfew-Attempt": "1",
    "Content-Type": "application/x-www-form-urlencoded",
}


def _signer(alg: str) -> Callable[[], str]:
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key = rsa.generate_private_key(65537, 2048) if alg == "RS256" else ec.generate_private_key(ec.SECP256R1())
    claims = {"iss": "https://id.example", "aud": "shop", "sub": "a" * 36, "sid": "b" * 43, "jti": "c" * 43}
    claims["events"] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    return lambda: jwt.encode(claims, key, alg, {"typ": "logout+jwt", "kid": "d" * 43})


def main(library: str, alg: str, port: int, count: int, times: int) -> None:
    urls = [f"http://127.0.1.{number}:{port}/logout" for number in range(1, count + 1)]
    if library in ("requests", "signing"):
        import requests

        token = _signer(alg) if library == "signing" else lambda: _TOKEN

        session = requests.Session()
        session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_connections=count)
        session.mount("http://", adapter)

        def post(url: str) -> int:
            return session.post(url, data={"logout_token": token()}, headers=_HEADERS, timeout=10).status_code
    else:
        import urllib3

        pools = urllib3.PoolManager(num_pools=count)

        def post(url: str) -> int:
            body = f"logout_token={_TOKEN}"
            return pools.request("POST", url, body=body, headers=_HEADERS, timeout=10).status

    for url in urls:
        post(url)
    started = time.monotonic()
    for number in range(times):
        assert post(urls[number % count]) == 200
    print(times / (time.monotonic() - started))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
