"""The documentation: its links work on the site and in the repository, and it fetches nothing elsewhere."""

import re
import tomllib
import unicodedata
from os.path import normpath
from pathlib import Path

import pytest

from docs.build_site import (
    FENCED,
    ROOT,
    BrokenLink,
    foreign_assets,
    navigation,
    pages,
    with_links,
    write_sources,
)

HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
PAGES = pages()


def prose(source: str) -> str:
    return FENCED.sub("", (ROOT / source).read_text())


def anchors(source: str) -> set[str]:
    """The anchors of the headings that are the same on the site (Python-Markdown) and on a Git host."""
    headings = [re.sub(r"\]\([^)]*\)|[`*\[]", "", heading) for heading in HEADING.findall(prose(source))]
    return {slug for heading in headings if (slug := on_the_site(heading)) == on_a_git_host(heading)}


def on_the_site(heading: str) -> str:
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def on_a_git_host(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("source", PAGES)
def test_links_and_anchors_of_a_page_exist(source):
    broken = []
    for target in LINK.findall(prose(source)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        named = normpath(Path(source).parent / path) if path else source
        if not (ROOT / named).is_file() or (anchor and anchor not in anchors(named)):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize("source", PAGES)
def test_a_page_has_one_title(source):
    titles = re.findall(r"^# .+$", prose(source), re.MULTILINE)

    assert len(titles) == 1


def test_the_navigation_has_every_page_once():
    sections = [next(iter(entry.values())) for entry in navigation(list(PAGES.values()))]
    listed = [page for section in sections for page in ([section] if isinstance(section, str) else section)]

    assert sorted(listed) == sorted(PAGES.values())


def test_links_lead_to_the_same_page_on_the_site():
    places = {
        "README.md": "index.md",
        "UPGRADING.md": "operate/up.md",
        "docs/design/a.md": "design/a.md",
    }
    files: set[str] = set()

    text = with_links(
        "[up](../../UPGRADING.md#later) [home](../../README.md) [here](#now) [far](https://rp.test/) "
        "[license](../../LICENSE)\n\n```sh\n[not](a/link.md)\n```\n",
        "docs/design/a.md",
        places,
        files,
    )

    assert "[up](../operate/up.md#later) [home](../index.md) [here](#now) [far](https://rp.test/)" in text
    assert "[license](../files/LICENSE)" in text
    assert "[not](a/link.md)" in text
    assert files == {"LICENSE"}


def test_a_link_to_no_file_of_the_project_stops_the_build():
    with pytest.raises(BrokenLink, match=r"README\.md: docs/nowhere\.md"):
        with_links("[x](docs/nowhere.md)", "README.md", {"README.md": "index.md"}, set())


@pytest.mark.parametrize(
    ("name", "text", "foreign"),
    [
        pytest.param("a.html", '<script src="https://cdn.test/a.js"></script>', True, id="a script"),
        pytest.param("a.html", '<img srcset="a.png 1x, //cdn.test/a.png 2x">', True, id="a picture"),
        pytest.param(
            "a.html", '<link rel="preconnect" href="https://fonts.test">', True, id="a host of fonts"
        ),
        pytest.param("a.html", '<p style="background: url(https://cdn.test/a.png)">', True, id="a style"),
        pytest.param("a.css", "@import 'https://cdn.test/a.css';", True, id="a style sheet elsewhere"),
        pytest.param("a.css", "p { background: url(data:image/png;base64,AAAA) }", False, id="data"),
        pytest.param("a.html", '<a href="https://rp.test/">app</a><img src="../a.png">', False, id="a link"),
    ],
)
def test_an_asset_of_another_host_is_found(tmp_path, name, text, foreign):
    (tmp_path / name).write_text(text)

    assert bool(list(foreign_assets(tmp_path))) is foreign


def test_the_configuration_takes_the_navigation(tmp_path):
    configuration = tomllib.loads(write_sources(tmp_path).read_text())

    assert configuration["project"]["nav"] == navigation(list(PAGES.values()))
    assert (tmp_path / "docs" / "index.md").read_text().startswith("# Curfew\n")
