"""The `claims` parameter (core §5.5): which individual claims a client requests, and where it wants them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from provider.protocol.errors import InvalidRequest
from provider.protocol.json_object import read_json_object

_MOST_CLAIMS = 100
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class ClaimDemand:
    """The request for one claim; core §5.5.1: a missing claim is not an error, even if it is essential."""

    essential: bool = False
    # The accepted values, if the client named any.
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsRequest:
    """Claims requested from the UserInfo Endpoint and in the ID Token, by name."""

    userinfo: Mapping[str, ClaimDemand] = field(default_factory=dict, hash=False)
    id_token: Mapping[str, ClaimDemand] = field(default_factory=dict, hash=False)

    @property
    def names(self) -> frozenset[str]:
        """Every requested claim, for either place."""
        return frozenset(self.userinfo) | frozenset(self.id_token)

    def without(self, names: Collection[str]) -> "ClaimsRequest":
        """Return the request without these claims."""
        members = (self.userinfo, self.id_token)
        userinfo, id_token = ({n: said for n, said in one.items() if n not in names} for one in members)
        return ClaimsRequest(userinfo=userinfo, id_token=id_token)

    @property
    def subjects(self) -> frozenset[str]:
        """The requested subjects, if there are any: the person must have one of them (§5.5.1)."""
        demands = (members["sub"] for members in (self.userinfo, self.id_token) if "sub" in members)
        # A value that is not a string is no person's subject, but it still counts as requested.
        return frozenset(str(value) for demand in demands for value in demand.values)

    @property
    def required_acr(self) -> frozenset[str]:
        """The contexts of which one must be met, or else the sign-in fails (§5.5.1.1)."""
        demand = self.id_token.get("acr")
        values = demand.values if demand is not None and demand.essential else ()
        return frozenset(map(str, values))


NO_CLAIMS = ClaimsRequest()


def read_claims_request(text: str) -> ClaimsRequest:
    """Read the parameter. Raises InvalidRequest if it is malformed."""
    try:
        members = read_json_object(text)
    except InvalidRequest as exc:
        raise InvalidRequest("claims must be a JSON object") from exc
    # core §5.5: 'Other members MAY be present. Any members used that are not understood MUST be ignored.'
    return ClaimsRequest(
        userinfo=_demands(members, "userinfo"),
        id_token=_demands(members, "id_token"),
    )


def _demands(members: Mapping[str, Any], name: str) -> Mapping[str, ClaimDemand]:
    asked = members.get(name)
    if asked is None:
        return {}
    if not isinstance(asked, dict) or len(asked) > _MOST_CLAIMS or any(len(n) > _LONGEST_NAME for n in asked):
        raise InvalidRequest(f"the member {name} of claims must be an object and not too large")
    return {name: _demand(name, said) for name, said in asked.items()}


def _demand(name: str, said: object) -> ClaimDemand:
    if said is None:
        return ClaimDemand()
    essential = said.get("essential", False) if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(essential, bool):
        raise InvalidRequest(f"claims must have null or an object for {_sayable(name)}")
    values = said.get("values", [])
    if not isinstance(values, list) or ("value" in said and "values" in said):
        raise InvalidRequest(f"claims must have value, or an array of values, for {_sayable(name)}")
    return ClaimDemand(essential=essential, values=tuple([said["value"]] if "value" in said else values))


def _sayable(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in name[:40])
