"""Accessibility: nothing escapes where one element stands for all that look like it."""

import re

import pytest

from tests.support.accessibility import AXE, Auditor

pytestmark = pytest.mark.browser
PAGE = """<!doctype html><html lang="en"><title>Red</title><style>
* {color: #333; background: #fff}
.faint, .dark .faint {color: #bbb}
.clear {background: none}
.grey {background: #444}
.pale {opacity: .3}
@media (prefers-color-scheme: dark) {.by-night {color: #bbb}}
</style><body><main><h1>Red</h1>%s</main></html>"""
GOOD = "<p>A word</p><p class=clear>A word</p><p class=by-night>A word</p>"
FAULTY = """
<p class=faint>alone</p>
<button class=faint disabled>A word</button><button class=faint>after a disabled one</button>
<b class=faint>–</b><b class=faint>after a short one</b>
<details><summary>A word</summary><i class=faint>A word</i></details><i class=faint>after a closed one</i>
<div class=grey><p class=clear>on another background</p></div>
<div class=pale><p>paler</p></div>
<p class=by-night>in the dark</p>
"""


def test_faint_text_is_found_among_what_looks_like_it(page):
    auditor = Auditor()
    page.add_init_script(AXE)
    page.goto("about:blank")
    page.emulate_media(color_scheme="light")
    page.set_content(PAGE % GOOD.replace("by-night", ""))
    known = auditor.problems(page)
    page.emulate_media(color_scheme="light")
    page.set_content(PAGE % FAULTY)

    found = auditor.problems(page)

    assert known == []
    assert {re.sub("<[^>]*>", "", problem) for problem in found} == {
        f"color-contrast: {name}"
        for name in (
            *("alone", "after a disabled one", "after a short one", "after a closed one"),
            *("on another background", "paler", "in the dark"),
        )
    }
