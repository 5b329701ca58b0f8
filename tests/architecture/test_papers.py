"""The commands, options, make targets and files that pages and papers name exist."""

import re
import shlex
import tomllib
from hashlib import sha256

import pytest

from docs.build_site import pages
from tests.architecture.sources import ROOT
from tests.cli.test_examples import COMMANDS

PAPERS = pages()
# As published at https://www.apache.org/licenses/LICENSE-2.0.txt.
APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
COMMENT = re.compile(r"\s+#.*")


def code_of(paper: str) -> list[str]:
    """Each line of the shell blocks and each inline piece of code; continued lines are one."""
    text = (ROOT / paper).read_text().replace("\\\n", " ")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [COMMENT.sub("", line) for block in blocks for line in block.splitlines()] + inline


def calls(paper: str, program: str) -> list[list[str]]:
    """The arguments of each call of a program."""
    plain = (re.sub(r"\$\([^)]*\)|…", "", line) for line in code_of(paper))
    found = (re.search(rf"(?:^|/|&& ){program} ([^|&]+)", line) for line in plain)
    return [shlex.split(match[1]) for match in found if match]


@pytest.mark.parametrize("paper", PAPERS)
def test_the_commands_of_a_paper_exist(paper):
    for words in calls(paper, "curfew"):
        known = [path for path in COMMANDS if words[: len(path)] == list(path)]
        if words[0].startswith("--"):
            continue
        assert known, words
        command = COMMANDS[max(known, key=len)]
        options = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        used = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert used <= options | {"--help"}, words


@pytest.mark.parametrize("paper", PAPERS)
def test_the_targets_of_a_paper_exist(paper):
    makefile = (ROOT / "Makefile").read_text()
    for words in calls(paper, "make"):
        target = next(word for word in words if "=" not in word)
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), words


@pytest.mark.parametrize("paper", PAPERS)
def test_the_files_that_a_paper_names_exist(paper):
    text = (ROOT / paper).read_text()
    linked = re.findall(r"\]\(([^):#]+)\)", text)
    named = re.findall(r"`((?:provider|tests|docs|migrations|requirements)/[\w/.]+\w)`", text)

    # A link leads on from the folder of the paper that holds it.
    folder = (ROOT / paper).parent
    assert [path for path in linked if not (folder / path).exists()] == []
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_license_is_whole_and_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])


def test_the_changelog_begins_with_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == project["version"]
