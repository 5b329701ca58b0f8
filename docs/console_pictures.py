"""Take pictures of the console, and of what people see of their sign-outs: `make screenshots`.

Each in both themes, wide and narrow. They go to `build/screenshots`, to be looked at; none is kept in the
repository.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select

from provider.accounts.change import set_role
from provider.accounts.roles import Role
from provider.audit.anchoring import anchor_due
from provider.audit.chain import seal
from provider.clients.models import Client
from provider.config import Settings
from provider.delivery.models import Delivery
from provider.infrastructure.database import db, transaction
from provider.logout.models import BulkLogout, Logout
from provider.sessions.models import ClientSession
from tests.factories import PASSWORD
from tests.support import busy_day, signing_keys
from tests.support.applications import opened
from tests.support.chromium import QUIET
from tests.support.databases import migrate
from tests.support.serving import serving

TARGET = Path("build/screenshots")
PORT = 8900
SECRET_KEY = "c2NyZWVuc2hvdHMtc2NyZWVuc2hvdHMtc2NyZWVuc2g"  # noqa: S105 – of pictures.
OWN_PAGES = {"account": "/account", "sign-outs": "/account/sign-outs"}
SIZES = {"wide": (1440, 900), "narrow": (360, 740)}


def main() -> None:
    """Serve a provider with a busy day behind it, and take the pictures."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("Chromium is not installed")
    TARGET.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="curfew-screenshots-"))
    url = f"sqlite:///{folder / 'curfew.sqlite3'}"
    migrate(url)
    settings = Settings(
        issuer=f"http://localhost:{PORT}",
        database_url=url,
        data_dir=folder,
        secret_key=SECRET_KEY,
        argon2_memory=1024,
        argon2_passes=1,
        # The folder of the second one is missing, so it fails.
        audit_anchors=(f"file:{folder / 'anchors'}", f"file:{folder / 'missing' / 'anchors'}"),
    )
    with opened(settings) as app, serving(app, PORT), sync_playwright() as playwright:
        with transaction():
            signing_keys.provide()
        people = busy_day.make()
        with transaction():
            set_role(people["ben"], Role.VIEWER)
        pages = dict(addresses(people["ada"].id))
        anchor()
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        for scheme in ("light", "dark"):
            take_all(browser, scheme, wanted(pages), "cleo")
            take_all(browser, scheme, wanted(OWN_PAGES), "ada")
            take_all(browser, scheme, wanted(of_viewer(pages)), "ben")
        browser.close()


def anchor() -> None:
    """Anchor the end of the audit log."""
    with transaction():
        seal()
    anchor_due()


def wanted(pages: dict[str, str]) -> dict[str, str]:
    """Return the pages that the command line names, or all."""
    return {name: address for name, address in pages.items() if not sys.argv[1:] or name in sys.argv[1:]}


def of_viewer(pages: dict[str, str]) -> dict[str, str]:
    """Return the pages on which one who may change nothing sees something else."""
    different = ("overview", "logout", "delivery", "deliveries", "sessions", "person", "client", "clients")
    return {f"viewer-{name}": pages[name] for name in (*different, "incident", "keys", "role")}


def addresses(ada: object) -> Iterator[tuple[str, str]]:
    """Yield each page with its address."""
    logout = db.session.scalars(select(Logout).order_by(Logout.notifications.desc()).limit(1)).one()
    refused = select(Delivery).where(Delivery.refusals > 1).limit(1)
    delivery = db.session.scalars(refused).one()
    ended = select(ClientSession).where(ClientSession.client_id == delivery.recipient_id)
    session = db.session.scalars(ended.where(ClientSession.logout_id == delivery.cause_id)).one()
    yield "overview", "/admin"
    yield "logouts", "/admin/logouts"
    yield "logout", f"/admin/logouts/{logout.id}"
    yield "deliveries", "/admin/deliveries"
    yield "slo", "/admin/slo"
    yield "slo-missed", "/admin/slo/missed?why=unreachable&window=30d"
    yield "delivery", f"/admin/deliveries/{delivery.id}"
    yield "resend", "/admin/deliveries/resend?client=blue"
    yield "why", f"/admin/why?client=blue&session={session.session_id}"
    yield "sessions", "/admin/sessions"
    yield "sessions-ended", "/admin/sessions?ended=yes"
    yield "people", "/admin/people"
    yield "person", f"/admin/people/{ada}"
    yield "everywhere", f"/admin/people/{ada}/everywhere"
    yield "access", f"/admin/people/{ada}/access"
    yield "role", f"/admin/people/{ada}/role"
    yield "reset", f"/admin/people/{ada}/password"
    client = db.session.scalars(select(Client).where(Client.client_id == "blue")).one()
    bulk = db.session.scalars(select(BulkLogout)).one()
    yield "clients", "/admin/clients"
    yield "client", f"/admin/clients/{client.id}?for=flask"
    yield "client-edit", f"/admin/clients/{client.id}/edit"
    yield "client-access", f"/admin/clients/{client.id}/access"
    yield "client-secret", f"/admin/clients/{client.id}/secret"
    yield "client-kinds", "/admin/clients/new"
    yield "client-new", "/admin/clients/new?for=spring"
    yield "incident", "/admin/incident"
    yield "incident-confirm", "/admin/incident/confirm?kind=all"
    yield "bulk-logout", f"/admin/incident/{bulk.id}"
    yield "keys", "/admin/keys"
    yield "keys-change", "/admin/keys/change"
    yield "audit", "/admin/audit"
    yield "audit-verified", "/admin/audit/verify"
    yield "settings", "/admin/settings"
    yield "admin-api", "/api/admin/v1/docs"


def take_all(browser: Browser, scheme: str, pages: dict[str, str], username: str) -> None:
    """Take the pictures of one theme, as this person sees the pages."""
    context = browser.new_context(color_scheme=scheme, timezone_id="UTC")  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, username)
    for name, address in pages.items():
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.goto(f"http://localhost:{PORT}{address}")
            page.screenshot(path=str(TARGET / f"{name}-{size}-{scheme}.png"), full_page=True)
    context.close()


def sign_in(page: Page, username: str) -> None:
    """Sign a person in."""
    page.goto(f"http://localhost:{PORT}/account")
    page.fill("#username", username)
    page.fill("#password", PASSWORD)
    page.click("#sign-in")
    page.wait_for_url(f"http://localhost:{PORT}/account")


if __name__ == "__main__":
    main()
