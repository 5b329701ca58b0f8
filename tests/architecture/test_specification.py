"""Each mark names a rule, each rule has a test or a reason, and the page says so."""

import pytest

from tests.spec_report import (
    REPORT,
    WrongMark,
    marked_tests,
    named_in,
    read_rules,
    report,
    rules_with_tests,
    unknown_marks,
)


def test_every_mark_names_a_rule():
    assert unknown_marks() == {}, "name a rule of docs/specification_rules.txt, or add one there"


def test_every_rule_has_a_test_or_a_reason():
    rules = rules_with_tests()

    unproved = {rule.id for rule in rules if not rule.tests and not rule.reason}
    excused = {rule.id for rule in rules if rule.tests and rule.reason}

    assert unproved == set(), "write the test, or say below the rule why there is none"
    assert excused == set(), "there is a test now: take the reason away"


def test_rules_have_names_of_their_own():
    names = [rule.id for rule in read_rules()]

    assert len(names) == len(set(names))


def test_the_page_has_every_rule():
    """Its last column may be older than the newest test, which needs no new page."""
    assert without_tests(REPORT.read_text()) == without_tests(report()), "run `python -m tests.spec_report`"


def without_tests(page: str) -> list[str]:
    return [line.rpartition(" | ")[0] if line.startswith("| `") else line for line in page.splitlines()]


@pytest.mark.parametrize("mark", ["backchanel", "core 3.1.2.1", "core §3.1.2.1 and more", "XY-1", ""])
def test_a_mark_that_names_nothing_is_found(mark):
    with pytest.raises(WrongMark):
        list(named_in(mark))


def test_marks_are_found():
    assert len(marked_tests()) > 300
