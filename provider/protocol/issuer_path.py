"""The path of an issuer such as `https://id.example/auth`, and what a request's path means below it."""

WELL_KNOWN = "/.well-known/"


def inside(path: str, issuer_path: str) -> str:
    """Return which of the provider's addresses a request's path names.

    Below an issuer's path a proxy may keep that path or remove it. rfc8414 §3.1 puts it behind the
    well-known part instead, and so it is with OpenID Connect's document where rfc8414 §5 is followed.
    """
    if not issuer_path:
        return path
    if path == issuer_path:
        return "/"
    if path.startswith(f"{issuer_path}/"):
        return path.removeprefix(issuer_path)
    if path.startswith(WELL_KNOWN):
        return path.removesuffix(issuer_path)
    return path
