"""Programs as tests: unit tests (cmocka), fuzz targets over their corpus, scripts. Each is found by
its source and run once. What a program prints for each of its cases becomes that case's own result.

Unit tests and fuzz targets run ahead of the reports, `--jobs` at a time, each in its own session.
"""

import concurrent.futures
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from checks import tail
from names import name_of
from tap import Tap

TIMEOUT = 900


class Done:
    """A program that ended: .code (None: killed past its deadline), .output, .seconds."""

    def __init__(self, code, output, seconds):
        self.code, self.output, self.seconds = code, output, seconds

    def how(self):
        if self.code is None:
            return "was killed: not done after %d s" % TIMEOUT
        if self.code < 0:
            return "was ended by signal %d" % -self.code
        return "ended with exit code %d" % self.code


class Runner:
    """Runs programs; stop() kills those that run and lets no other start."""

    def __init__(self, env, cwd, jobs):
        self.env, self.cwd = {**os.environ, **env}, cwd
        self.pool = concurrent.futures.ThreadPoolExecutor(jobs)
        self.lock, self.running, self.stopped = threading.Lock(), set(), False
        self.ahead = {}

    def start_ahead(self, files):
        """Run the programs of these files in this order."""
        for file in files:
            self.ahead[file] = self.pool.submit(self.run, file.argv())

    def result(self, file):
        return self.ahead[file].result() if file in self.ahead else self.run(file.argv())

    def run(self, argv):
        start = time.monotonic()
        with self.lock:
            if self.stopped:
                raise RuntimeError("the run was stopped")
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, cwd=self.cwd, env=self.env,
                                 start_new_session=True)
            self.running.add(p)
        with p:
            try:
                out, code = p.communicate(timeout=TIMEOUT)[0], p.returncode
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                out, code = p.communicate()[0], None
            except BaseException:
                os.killpg(p.pid, signal.SIGKILL)
                raise
            finally:
                with self.lock:
                    self.running.discard(p)
        return Done(code, out.decode("utf-8", "backslashreplace"), time.monotonic() - start)

    def stop(self):
        with self.lock:
            self.stopped = True
            for p in self.running:
                os.killpg(p.pid, signal.SIGKILL)
        self.pool.shutdown(cancel_futures=True)


class ProgramFile(pytest.File):
    """A source whose program is run; .argv() says how."""
    waiting = 0  # items that are still to be reported

    def argv(self):
        return [self.program()]

    def program(self):
        folder, name = self.config.getoption(self.option), self.path.stem
        return os.path.join(folder or self.config.rootpath / "build" / "test" / self.option, name)

    def missing(self):
        """Why the program cannot be run, or None."""
        path = self.program()
        if os.access(path, os.X_OK):
            return None
        return "%s is not built: make tests" % os.path.basename(path)


class ProgramItem(pytest.Item):
    def runtest(self):
        raise NotImplementedError("conftest.py reports what the program said")

    def reportinfo(self):
        return self.path, None, name_of(self.nodeid)

    def report(self, name, verdict, seconds=0, details=()):
        """What pytest gets to know of one case. verdict: True, False or the reason of a skip."""
        nodeid = self.parent.nodeid + ("::" + name if name else "")
        path = self.location[0]
        location = (path, None, name_of(nodeid))
        outcome, text = "passed", None
        if verdict is False:
            outcome, text = "failed", "\n".join(details) or "it gave no reason"
        elif verdict is not True:
            outcome, text = "skipped", (path, None, "Skipped: " + verdict)
        hook = self.ihook
        hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        for when, how, why in (("call", outcome, text), ("teardown", "passed", None)):
            hook.pytest_runtest_logreport(report=pytest.TestReport(
                nodeid, location, {}, how, why, when, duration=seconds if when == "call" else 0))
        hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)


# -- unit tests ------------------------------------------------------------------------------------

def cases_of(source):
    """The cases that the source of a cmocka program names, by cmocka_unit_test…() or by a macro
    of its own for that."""
    macros = re.findall(r"^#define (\w+)\(\w+\)\s+cmocka_unit_test", source, re.M)
    text = re.sub(r"^#define .*", "", source, flags=re.M)
    makers = "|".join([r"cmocka_unit_test\w*", *macros])
    return re.findall(r"\b(?:%s)\(\s*(\w+)" % makers, text)


class UnitFile(ProgramFile):
    option = "unit"
    tap = done = None
    missed = False  # an item of the source has no verdict

    def collect(self):
        self.named = list(dict.fromkeys(cases_of(self.path.read_text("utf-8"))))
        if not self.named:
            raise self.CollectError("no cmocka_unit_test(…) names a case")
        for name in self.named:
            yield UnitCase.from_parent(self, name=name)

    def ended(self, runner):
        if not self.done:
            self.done = runner.result(self)
            self.tap = Tap(self.done.output)
        return self.done


class UnitCase(ProgramItem):
    def run(self, runner):
        file = self.parent
        file.waiting -= 1
        if file.missing():
            self.report(self.name, False, 0, [file.missing()])
            return
        done = file.ended(runner)
        seconds, done.seconds = done.seconds, 0
        mine = [c for c in file.tap.cases if c.name == self.name]
        for case in mine:
            self.report(self.name, case.verdict, seconds, tail("\n".join(case.notes), 30))
        if not mine:
            file.missed = True
            self.report(self.name, False, seconds, self.why_missing())
        if file.waiting == 0:
            self.report_rest()

    def why_missing(self):
        tap, done = self.parent.tap, self.parent.done
        what = "; ".join(["the program " + done.how(), *tap.problems])
        return [what] + tail("\n".join(tap.rest) or done.output, 40)

    def report_rest(self):
        """Cases that the source does not name, and what is wrong with the whole program."""
        file, only = self.parent, self.config.only
        for case in file.tap.cases:
            name = name_of("%s::%s" % (file.nodeid, case.name))
            if case.name not in file.named and only.wants(name):
                self.report(case.name, case.verdict, 0, tail("\n".join(case.notes), 30))
        wrong = file.tap.problems or file.done.code != 0 and not file.tap.failed
        if wrong and not file.missed:
            self.report("", False, 0, self.why_missing())


# -- fuzz targets ----------------------------------------------------------------------------------

class FuzzFile(ProgramFile):
    option = "fuzz"

    def collect(self):
        yield FuzzTarget.from_parent(self, name=self.path.stem)

    def corpus(self):
        folder = self.path.parent / "corpus" / self.path.stem
        return sorted(str(p) for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []

    def argv(self):
        return [self.program(), *self.corpus()]

    def missing(self):
        if not self.corpus():
            return "tests/fuzz/corpus/%s has no files: nothing was replayed" % self.path.stem
        return super().missing()


class FuzzTarget(ProgramItem):
    def run(self, runner):
        if self.parent.missing():
            self.report(self.name, False, 0, [self.parent.missing()])
            return
        done = runner.result(self.parent)
        details = ["the program " + done.how()] + tail(done.output, 60)
        self.report(self.name, done.code == 0, done.seconds, details)


# -- scripts ---------------------------------------------------------------------------------------

class ScriptFile(ProgramFile):
    def collect(self):
        yield Script.from_parent(self, name=self.path.stem)

    def program(self):
        return str(self.path)


class Script(ProgramItem):
    """A script of tests/host, which prints TAP: tests/lib/check.sh."""

    def run(self, runner):
        done = runner.result(self.parent)
        tap = Tap(done.output)
        seconds = done.seconds
        for case in tap.cases:
            self.report(case.name, case.verdict, seconds, tail("\n".join(case.notes), 40))
            seconds = 0
        if tap.problems or len(tap.plans) != 1 or done.code != 0 and not tap.failed:
            problems = tap.problems or ["%d plans" % len(tap.plans)]
            what = "; ".join(["the script " + done.how(), *problems])
            self.report("", False, seconds, [what] + tail("\n".join(tap.rest) or done.output, 40))


def file_of(path, parent):
    """The collector of a file of the tree's tests, or None."""
    try:
        kind, name = path.relative_to(parent.config.rootpath / "tests").parts
    except ValueError:
        return None
    if kind == "unit" and name.endswith("_test.c"):
        return UnitFile.from_parent(parent, path=path)
    if kind == "fuzz" and name.endswith(".c") and name != "fuzz_main.c":
        return FuzzFile.from_parent(parent, path=path)
    if kind == "host" and name.endswith(".sh") and os.access(path, os.X_OK):
        return ScriptFile.from_parent(parent, path=path)
    return None
