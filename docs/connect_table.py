"""Writes what the recipes know into docs/connect/recipes.md: `python -m docs.connect_table`."""

from pathlib import Path

from provider.administration.clients import PRESELECTED
from provider.app import groups
from provider.clients import recipes
from provider.clients.recipes import registered
from provider.config import Settings
from provider.protocol.client_registration import read_registration
from provider.web.routes import RouteTable

PAGE = Path(__file__).parent / "connect" / "recipes.md"
START = "<!-- recipes: made by docs/connect_table.py -->"
END = "<!-- end of recipes -->"
_ISSUER, _APP, _REALM = "https://id.example", "https://shop.example", "https://keycloak.example/realms/main"
_ENDPOINTS = RouteTable(groups()).addresses(Settings(issuer=_ISSUER))
_METHODS = {
    "client_secret_basic": "Basic",
    "client_secret_post": "form",
    "none": "none, PKCE",
    None: "either",
}


def listing() -> str:
    """Return the table and the peculiarities as the page shows them."""
    found = [recipes.load(name) for name in recipes.list_names()]
    head = (
        "| `--for` | software | redirect path | back-channel path | secret by | Logout Tokens name | tried |"
    )
    return "\n".join(
        [head, "|---|---|---|---|---|---|---|", *map(_row, found), "", *map(_section, found)]
    ).strip()


def _row(recipe: recipes.Recipe) -> str:
    register = recipe.register
    method = _METHODS[register.get("token_endpoint_auth_method")]
    names = str(recipe.options.get("logout_token_names", "both"))
    logout_path = _path(register.get("backchannel_logout_uri", ""))
    tried = recipe.seen if recipe.seen != recipes.NOT_TRIED else "not tried"
    cells = (
        f"`{recipe.name}`",
        recipe.title,
        f"`{_path(register['redirect_uris'][0])}`",
        f"`{logout_path}`" if logout_path else "none",
        method,
        {"both": "`sub` and `sid`"}.get(names, f"`{names}` alone") if logout_path else "",
        tried,
    )
    return f"| {' | '.join(cells)} |"


def _path(template: str) -> str:
    return template.removeprefix("<<base_url>>").replace("<<registration_id>>", "curfew")


def _section(recipe: recipes.Recipe) -> str:
    base = _REALM if recipe.name == "keycloak" else _APP
    asked = recipes.metadata_for(recipe, base_url=base, registration_id="curfew")
    metadata = read_registration(PRESELECTED | asked)
    values = registered.values_of(recipe, "shop", metadata, _ISSUER, _ENDPOINTS)
    lines = [f"- {sentence}" for sentence in recipes.filled((*recipe.limits, *recipe.notes), values)]
    if recipe.base_url != recipes.BASE_URL_OF_MOST:
        lines = [f"- `--base-url`: {recipe.base_url}", *lines]
    return "\n".join([f"### {recipe.title}\n", *lines, ""])


def main() -> None:
    """Replace the listing in the page."""
    before, _, rest = PAGE.read_text().partition(START)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{START}\n{listing()}\n{END}{after}")


if __name__ == "__main__":
    main()
