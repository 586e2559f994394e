"""ccvm's tests under pytest. In this order run

  tests/unit/*_test.c        cmocka programs of build/test/unit (--unit DIR), one item a case
  tests/fuzz/*.c             fuzz targets of build/test/fuzz (--fuzz DIR), over tests/fuzz/corpus
  tests/host/*               Python tests, and executable scripts that print TAP (lib/check.sh)
  tests/boot/*               Python tests, which boot guests

Beside pytest's own ways to choose tests, `--only PATTERN` takes their names (lib/names.py).
Programs and scripts run as the caller (lib/programs.py); each Python test has a process
(lib/forked.py) and a user (lib/harness.py) of its own. From the environment: CCVM_BIN (default
build/bin), CCVM_TEST_IMAGE (default CCVM_IMAGE, then build/image), CCVM_TEST_KEEP=1,
CCVM_TEST_BOOT=cold or template (default: half of the tests each way, by their names; `other` turns
that round).

SIGINT and SIGTERM end the run, which has failed then, after everything was cleaned up.
"""

import inspect
import os
import shutil
import signal
import sys
import time

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import forked  # noqa: E402
import harness  # noqa: E402
import procs  # noqa: E402
import programs  # noqa: E402
from checks import assert_eq, wait_until  # noqa: E402
from names import KINDS, Only, kind_of, name_of  # noqa: E402
from results import Results  # noqa: E402


def pytest_addoption(parser):
    group = parser.getgroup("ccvm")
    group.addoption("--only", action="append", default=[], metavar="PATTERN",
                    help="tests whose name starts so or matches (unit, host.test_n, 'boot.*kill')")
    group.addoption("--list", action="store_true", help="print the names and run nothing")
    group.addoption("--no-system", action="store_true", help="unit tests and fuzz targets only")
    group.addoption("--jobs", type=int, default=1,
                    help="unit tests and fuzz targets at a time (default 1)")
    group.addoption("--unit", metavar="DIR", help="unit tests' programs (default build/test/unit)")
    group.addoption("--fuzz", metavar="DIR", help="fuzz targets (default build/test/fuzz)")


@pytest.hookimpl(trylast=True)  # after the reporter that --list takes out
def pytest_configure(config):
    config.only = Only(config.getoption("only"))
    if config.getoption("numprocesses", None) or config.getoption("usepdb"):
        raise pytest.UsageError("each test has a process of its own, without a terminal: "
                                "-n (see --jobs) and --pdb cannot work")
    if config.getoption("list"):
        config.option.collectonly = True
        config.pluginmanager.unregister(name="terminalreporter")


def pytest_sessionstart(session):
    config = session.config
    built = config.rootpath / "build" / "image"
    image = os.environ.get("CCVM_IMAGE") or (str(built) if built.is_dir() else "")
    os.environ.setdefault("CCVM_TEST_IMAGE", image)
    if config.getoption("list"):
        config.pluginmanager.register(Lister())
    elif not config.getoption("collectonly"):
        results = Results(config.getoption("only"))
        config.pluginmanager.register(results)
        config.pluginmanager.register(Suite(session, results))


# -- finding ---------------------------------------------------------------------------------------

def pytest_ignore_collect(collection_path, config):
    """Files that --only does not ask for are not even loaded."""
    if collection_path.is_dir() or config.rootpath not in collection_path.parents:
        return None
    name = name_of(str(collection_path.relative_to(config.rootpath)))
    unwanted = config.getoption("no_system") and kind_of(name) in ("host", "boot")
    return True if unwanted or not config.only.wants_group(name) else None


def pytest_collect_file(file_path, parent):
    return programs.file_of(file_path, parent)


def pytest_generate_tests(metafunc):
    """@each(entries): a test for each entry, which gets its value as the second argument."""
    entries = getattr(metafunc.function, "entries", None)
    if entries is not None:
        argument = list(inspect.signature(metafunc.function).parameters)[1]
        metafunc.parametrize(argument, list(entries.values()), ids=[str(key) for key in entries])


def pytest_collection_modifyitems(config, items):
    def wanted(item):
        return config.only.wants(name_of(item.nodeid)) or isinstance(item, programs.Script)

    def place(item):
        return [*KINDS, kind_of(item.nodeid)].index(kind_of(item.nodeid))

    unwanted = [i for i in items if not wanted(i)]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
    items[:] = sorted((i for i in items if wanted(i)), key=place)


class Lister:
    """--list: the names alone."""

    @staticmethod
    def pytest_collectreport(report):
        if report.failed:
            why = report.longreprtext.splitlines()[-1]
            print("%s: cannot be loaded: %s" % (name_of(report.nodeid), why))

    @staticmethod
    def pytest_collection_finish(session):
        for item in session.items:
            print(name_of(item.nodeid))

    @staticmethod
    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(session):
        session.exitstatus = 0


# -- running ---------------------------------------------------------------------------------------

class Suite:
    """One run: what its tests share is made when the first one needs it, and removed at the end."""

    def __init__(self, session, results):
        self.session, self.results, self.config = session, results, session.config
        self.made = self.runner = None
        self.templated, self.number, self.stopped = False, 0, False
        procs.become_subreaper()
        for number in forked.SIGNALS:
            signal.signal(number, self.stop)

    def stop(self, *_):
        for number in forked.SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # what is cleaned up ends by itself
        self.stopped, self.session.shouldstop = True, "stopped by a signal"
        self.leave()

    @staticmethod
    def leave():
        raise pytest.exit.Exception("stopped by a signal", returncode=1)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self):
        if self.stopped:  # as a module was loaded: pytest takes the exception for the module's
            self.leave()

    def run(self):
        """The run's user, directories and programs."""
        if not self.made:
            try:
                self.made = harness.Run()
            except RuntimeError as e:
                self.results.fail("run: " + str(e))
                raise pytest.exit.Exception("cannot run: %s" % e, returncode=1)
        return self.made

    def programs(self):
        """Runs programs, with a TMPDIR of their own; unit tests and fuzz targets begin at once."""
        if not self.runner:
            tmp = os.path.join(self.run().base, "programs")
            os.mkdir(tmp, 0o700)
            env = {"TMPDIR": tmp, "HOME": tmp, "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
                   "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
                   "CMOCKA_MESSAGE_OUTPUT": "TAP",
                   "CCVM_BIN": self.run().bin or "", "CCVM_TEST_IMAGE": self.run().image or ""}
            jobs = max(1, self.config.getoption("jobs"))
            self.runner = programs.Runner(env, self.config.rootpath, jobs)
            files = {i.parent: None for i in self.session.items
                     if isinstance(i, (programs.UnitCase, programs.FuzzTarget))}
            self.runner.start_ahead(f for f in files if not f.missing())
        return self.runner

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session):
        for item in session.items:
            if isinstance(item, programs.UnitCase):
                item.parent.waiting += 1

    def pytest_runtest_protocol(self, item):
        if isinstance(item, programs.ProgramItem):
            item.run(self.programs())
        else:
            if kind_of(item.nodeid) == "boot" and not self.templated:
                self.templated = True
                self.make_template(item)
            self.run_python(item)
        return True

    def make_template(self, item):
        """A result of its own: without it, tests that ask for one would quietly boot cold."""
        start, run = time.monotonic(), self.run()
        failure = run.make_template(300) if run.bin and run.image else "no programs or no image"
        location = ("tests/boot", None, "boot.template")
        item.ihook.pytest_runtest_logstart(nodeid="tests/boot::template", location=location)
        for when, text in (("call", failure), ("teardown", None)):
            item.ihook.pytest_runtest_logreport(report=pytest.TestReport(
                "tests/boot::template", location, {}, "failed" if text else "passed", text, when,
                duration=time.monotonic() - start))

    def run_python(self, item):
        run = self.run()
        self.number += 1
        item.world = (run, self.number)
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in forked.run_forked(item, run.user):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if os.environ.get("CCVM_TEST_KEEP") != "1":
            for path in (os.path.join(run.base, "t%d" % self.number),
                         os.path.join(run.ram, "r%d" % self.number)):
                shutil.rmtree(path, ignore_errors=True)

    pytest_runtest_makereport = staticmethod(forked.pytest_runtest_makereport)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self):
        if self.stopped:
            self.session.exitstatus = 1
            self.results.fail("run")
        self.config.pluginmanager.get_plugin("terminalreporter").ensure_newline()
        try:
            if self.runner:
                self.runner.stop()
            if self.made:
                forked.sweep(self.made.user)
                self.made.close()
        except (AssertionError, OSError) as e:
            self.results.fail("run: cannot clean up: %s" % e)


@pytest.fixture
def ctx(request):
    """A test's user, directories and programs: harness.Context. What it leaves running fails it."""
    item = request.node
    run, number = item.world
    boot = run.boot_of(name_of(item.nodeid), item.function)
    item.ctx = context = harness.Context(run, number, boot)
    try:
        yield context
        context.close()
        if getattr(item, "passed", False):
            wait_until(lambda: assert_eq(context.processes(), [], "processes left") is None, 10,
                       "end of the test's processes")
    finally:
        procs.kill_all(p.pid for p in context.processes())
