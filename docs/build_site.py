"""Builds the documentation into build/site: `python -m docs.build_site`, or `make docs`.

The pages of docs/ and the papers at the top of the project become one site. A broken link, a broken anchor or
an asset of another host is an error.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from os.path import normpath, relpath
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = ROOT / "docs" / "zensical.toml"
THEME = ROOT / "docs" / "theme"
# Papers of the project that are pages of the site, and where.
PAPERS = {
    "README.md": "index.md",
    "UPGRADING.md": "operate/upgrading.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "kit/README.md": "connect/curfew-rp.md",
    "benchmarks/README.md": "design/benchmarks.md",
}
# The sections with their folders, and the pages that come first in each; the other pages follow by name.
SECTIONS = {
    "Start": ("start", ("install", "first-app")),
    "Connect an app": (
        "connect",
        (
            "recipes",
            "other-software",
            "curfew-rp",
            "gate",
            "sign-out",
            "test-your-app",
            "native-apps",
            "id-token-claims",
            "requests",
            "apis",
        ),
    ),
    "Sign-out explained": (
        "sign-out",
        ("three-verbs", "at-once", "offline-apps", "shared-devices", "service-accounts"),
    ),
    "Operate": (
        "operate",
        (
            "deploy",
            "production",
            "back-up",
            "restore",
            "upgrading",
            "keys",
            "rotation",
            "configuration-as-code",
            "migrate",
            "incidents",
            "incident-in-five-minutes",
            "console",
            "receipts",
            "audit",
            "monitoring",
            "service-level",
            "sizing",
            "comparison",
        ),
    ),
    "Reference": ("reference", ("settings", "command", "api", "admin-api", "audit-events", "metrics")),
    "Design": ("design", ("architecture", "decisions", "threats", "guarantees")),
    "Project": ("project", ("changelog", "security", "contributing")),
}
FENCED = re.compile(r"^(```.*?^```)", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
STYLE_URL = re.compile(r"""(?:url\(|@import\s+)\s*['"]?([^'")\s;]+)""")


class BrokenLink(Exception):
    """A link of a page that names no file of the project."""


def pages() -> dict[str, str]:
    """Return each page's source, from the project's folder, with its place in the site."""
    found = sorted((ROOT / "docs").rglob("*.md"))
    return {str(path.relative_to(ROOT)): str(path.relative_to(ROOT / "docs")) for path in found} | PAPERS


def navigation(places: list[str]) -> list[dict[str, object]]:
    """Return the sections with their pages in order; a section without pages is left out."""
    nav: list[dict[str, object]] = [{"Curfew": "index.md"}]
    for title, (folder, first) in SECTIONS.items():
        listed = [f"{folder}/{name}.md" for name in first]
        others = sorted(place for place in places if place.startswith(f"{folder}/") and place not in listed)
        if listed or others:
            nav.append({title: [*listed, *others]})
    return nav


def with_links(text: str, source: str, places: dict[str, str], files: set[str]) -> str:
    """Return a page with its links as they are in the site, and add to `files` what else they lead to."""

    def moved(match: re.Match[str]) -> str:
        target = match[1]
        path, _, anchor = target.partition("#")
        if urlsplit(target).scheme or not path:
            return target
        named = normpath(Path(source).parent / path)
        if named not in places:
            if not (ROOT / named).is_file():
                raise BrokenLink(f"{source}: {target} is no file of the project")
            files.add(named)
        place = relpath(places.get(named, f"files/{named}"), Path(places[source]).parent)
        return f"{place}#{anchor}" if anchor else place

    # Every second part is a block of code.
    parts = FENCED.split(text)
    return "".join(part if number % 2 else LINK.sub(moved, part) for number, part in enumerate(parts))


def write_sources(folder: Path) -> Path:
    """Write pages, linked files, theme and configuration into a folder; return the configuration's path."""
    shutil.rmtree(folder / "docs", ignore_errors=True)
    places = pages()
    files: set[str] = set()
    for source, place in places.items():
        target = folder / "docs" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(with_links((ROOT / source).read_text(), source, places, files))
    for name in files:
        target = folder / "docs" / "files" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    shutil.copytree(THEME, folder / "theme", dirs_exist_ok=True)
    configuration = folder / "zensical.toml"
    nav = _as_toml(navigation(list(places.values())))
    configuration.write_text(CONFIGURATION.read_text().replace("\nnav = []\n", f"\nnav = {nav}\n"))
    return configuration


def _as_toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_as_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(key)} = {_as_toml(item)}' for key, item in value.items())} }}"
    return json.dumps(value)


class _Assets(HTMLParser):
    """Collects what a browser fetches by itself for a page; links that people follow are none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of one element."""
        given = {name: value or "" for name, value in attrs}
        if tag != "a":
            self.found += [given[name] for name in ("src", "data", "poster") if name in given]
            self.found += [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]
        if tag in {"link", "image", "use"}:
            self.found += [given[name] for name in ("href", "xlink:href") if name in given]
        self.found += STYLE_URL.findall(given.get("style", ""))


def foreign_assets(site: Path) -> Iterator[str]:
    """Yield each asset that a page or a style sheet of the site fetches from another host."""
    for path in sorted(site.rglob("*")):
        if path.suffix == ".html":
            assets = _Assets()
            assets.feed(path.read_text())
            found = assets.found
        elif path.suffix == ".css":
            found = STYLE_URL.findall(path.read_text())
        else:
            continue
        yield from (f"{path.relative_to(site)}: {url}" for url in found if urlsplit(url).netloc)


def build(folder: Path) -> None:
    """Build the site in a folder, or say why not."""
    try:
        configuration = write_sources(folder)
    except BrokenLink as exc:
        sys.exit(str(exc))
    shutil.rmtree(folder / "site", ignore_errors=True)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file"]
    built = subprocess.run([*command, str(configuration)], check=False)  # noqa: S603 -- our own arguments
    if built.returncode:
        sys.exit(built.returncode)
    if found := list(foreign_assets(folder / "site")):
        sys.exit("\n".join(["The site fetches from other hosts:", *found]))


if __name__ == "__main__":
    build(ROOT / "build")
