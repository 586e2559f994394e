"""The Test Anything Protocol, as cmocka and the scripts of tests/host print it.

    1..2                           the plan, before or after the cases
    ok 1 - text
    not ok 2 - text                what explains it: `#` lines after it, other lines before it
    ok 2 - text # SKIP reason

cmocka 1.1 prints a plan for each group of cases and numbers each group from 1; the plans are added
up. A case that it skips is `not ok 3 # SKIP text`, without a reason.
"""

import re


class Case:
    """verdict: True, False or the reason of a skip. notes: lines that explain it."""

    def __init__(self, name, verdict, notes):
        self.name, self.verdict, self.notes = name, verdict, notes


class Tap:
    """What a program printed: .cases, .planned (their number, None without a plan), .rest (lines
    after the last), .problems (of the whole: cases missing or too many, numbers out of order)."""

    def __init__(self, output):
        self.cases, self.planned, self.rest, self.plans = [], None, [], []
        self.count, self.problems = 0, []
        for line in output.splitlines():
            self.read(line)
        self.check_numbers()

    def read(self, line):
        plan = re.fullmatch(r"1\.\.(\d+)\s*(#.*)?", line.strip())
        case = re.match(r"\s*(not )?ok\b *(\d*) *(?:- )?(.*)$", line)
        if plan:
            self.planned = (self.planned or 0) + int(plan[1])
            self.plans.append(int(plan[1]))
        elif case:
            self.add(not case[1], int(case[2] or 0), case[3])
        elif line.startswith("Bail out!"):
            self.problems.append(line)
        elif line.startswith("#"):
            summary = re.match(r"# (not )?ok - ", line)
            if self.cases and self.cases[-1].verdict is False and not summary:
                self.cases[-1].notes.append(line)
        elif not line.startswith("TAP version"):
            self.rest.append(line)

    def add(self, passed, number, text):
        name, _, directive = text.partition("#")
        skip = re.match(r"\s*skip\S*\s*(.*)", directive, re.I)
        verdict = (skip[1] or "no reason given") if skip else passed
        if skip and not name.strip():
            name, verdict = skip[1], "skip() in the test"
        self.count = 1 if number == 1 else self.count + 1
        if number and number != self.count:
            self.problems.append("case %d came where %d was due" % (number, self.count))
            self.count = number
        self.cases.append(Case(name.strip(), verdict, self.rest))
        self.rest = []

    def check_numbers(self):
        if self.planned is None:
            self.problems.append("no plan, %d cases reported" % len(self.cases))
        elif self.planned != len(self.cases) or not self.cases:
            self.problems.append("%d of %d cases reported" % (len(self.cases), self.planned))

    @property
    def failed(self):
        return any(c.verdict is False for c in self.cases)
