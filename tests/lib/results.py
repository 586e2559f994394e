"""Counts and prints, as a plugin of pytest: each test once, whatever reports pytest makes of its
phases. The last line of the run is `N passed, N failed`, with `, N skipped` where there are some;
exit status 1 when one failed or none passed."""

import pytest

from names import name_of


class Results:
    def __init__(self, only):
        self.only, self.passed, self.failed, self.skipped = only, [], [], []
        self.phases = {}  # of tests that run: their reports until now

    def fail(self, name):
        self.failed.append(name)

    def pytest_runtest_logreport(self, report):
        self.phases.setdefault(report.nodeid, []).append(report)
        if report.when == "teardown":
            self.count(name_of(report.nodeid), self.phases.pop(report.nodeid))

    def count(self, name, reports):
        skips = [r for r in reports if r.skipped]
        if any(r.failed for r in reports):
            self.failed.append(name)
        elif skips:
            self.skipped.append((name, reason(skips[0])))
        else:
            self.passed.append(name)

    def pytest_collectreport(self, report):
        if report.failed:
            self.fail(name_of(report.nodeid))
        elif report.skipped:
            self.skipped.append((name_of(report.nodeid), reason(report)))

    def pytest_internalerror(self):
        self.fail("run")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        if not session.exitstatus and (self.failed or not self.passed):
            session.exitstatus = 1
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = 1

    def pytest_report_teststatus(self, report):
        if report.when == "call" and report.passed and report.duration >= 0.05:
            return "passed", ".", "PASSED (%.1fs)" % report.duration
        return None

    def pytest_terminal_summary(self, terminalreporter):
        line = terminalreporter.write_line
        if self.skipped:
            line("\n%d SKIPPED, these were NOT tested:" % len(self.skipped))
            for name, why in self.skipped:
                line("  %s: %s" % (name, why))
        if self.failed:
            line("\nfailed:")
            for name in self.failed:
                line("  " + name)
        if not self.passed and not self.failed:
            why = ": nothing matches %s" % " ".join(self.only) if self.only else ""
            line("\nno test ran" + why)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config):
        line = "%d passed, %d failed" % (len(self.passed), len(self.failed))
        line += ", %d skipped" % len(self.skipped) if self.skipped else ""
        config.get_terminal_writer().line(line)


def reason(report):
    """Why a test was skipped, as pytest reports it: (file, line, "Skipped: reason")."""
    known = isinstance(report.longrepr, tuple)
    text = report.longrepr[2] if known else getattr(report, "wasxfail", "")
    return text.removeprefix("Skipped: ") or "no reason given"
