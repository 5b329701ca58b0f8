"""Each shell and Python block of the README and the pages runs, or says why it does not."""

import shutil

import pytest

from docs import examples
from docs.build_site import pages
from docs.examples import Example, examples_of
from tests.examples.playing import Stage
from tests.support.fork_server import QUICK_COMMANDS

RUN = {page: [example for example in examples_of(page) if not example.not_run] for page in pages()}

pytestmark = [
    pytest.mark.processes,
    QUICK_COMMANDS,
    pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed, which the examples call"),
]


@pytest.fixture(scope="module")
def stage(curfew_commands, tmp_path_factory):
    return Stage(curfew_commands, tmp_path_factory.mktemp)


@pytest.mark.parametrize("page", [page for page, found in RUN.items() if found])
def test_the_examples_of_a_page_run(page, stage, tmp_path):
    code, printed = stage.play(RUN[page], tmp_path)

    assert code == 0, printed[max(printed.rfind("@@"), 0) :]


def test_what_does_not_run_is_listed_with_its_reason():
    page = examples.LIST.read_text()

    shown = page.partition(examples.START)[2].partition(examples.END)[0].strip()

    assert shown == examples.listing(), "run `python -m docs.examples` to write the list anew"


def test_a_block_that_fails_fails_its_page(stage, tmp_path):
    blocks = [
        Example(page="a.md", line=3, language="sh", code="curfew user show ada\n"),
        Example(
            page="a.md",
            line=7,
            language="sh",
            code="curfew user show nobody | cat\ncurfew user show nobody\n",
        ),
        Example(page="a.md", line=9, language="sh", code="echo not reached\n"),
    ]

    code, printed = stage.play(blocks, tmp_path)

    assert code == 1
    assert "Ada Lovelace" in printed
    assert "@@ a.md:7" in printed
    assert "not reached" not in printed


def test_a_python_block_goes_on_with_those_before_it(stage, tmp_path):
    blocks = [
        Example(page="a.md", line=3, language="python", code="first = 20\n"),
        Example(page="a.md", line=7, language="python", code="print(first + 1)\n"),
    ]

    code, printed = stage.play(blocks, tmp_path)

    assert code == 0
    assert printed.splitlines()[-1] == "21"


def test_a_python_block_that_fails_is_named(stage, tmp_path):
    lines = {3: "first = 20\n", 7: "second = first / 0\n", 9: "print('not reached')\n"}
    blocks = [Example(page="a.md", line=at, language="python", code=code) for at, code in lines.items()]

    code, printed = stage.play(blocks, tmp_path)

    assert code == 1
    assert printed[printed.rfind("@@") :].startswith("@@ a.md:7\n")
    assert "ZeroDivisionError" in printed
    assert "not reached" not in printed.splitlines()
