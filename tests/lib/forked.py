"""Python tests, each in a process of its own, which adopts all orphans: nothing a test starts gets
lost, and a test that hangs or crashes takes nothing along. The process sends its reports through a
file in memory. After each test all that is left of it is killed and collected."""

import contextlib
import json
import os
import select
import signal
import sys
import traceback

import pytest
from _pytest.runner import runtestprotocol

import harness
import procs
from checks import Skip, tail

GRACE = 20
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """SIGTERM: the run ends, clean up."""


class Deadline(Exception):
    """Raised in a test whose time is up, so that its traceback shows where it hung."""


# -- the test's process ----------------------------------------------------------------------------

def raiser(error, *args):
    def handle(*_):
        raise error(*args)
    return handle


def child(item, timeout, result):
    """The whole life of one test. Never returns."""
    code = 1
    try:
        signal.signal(signal.SIGALRM, raiser(Deadline, "the test is not done after %g s" % timeout))
        signal.signal(signal.SIGTERM, raiser(Stopped))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        procs.become_subreaper()
        procs.die_with_parent(signal.SIGTERM)
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        reports = reports_of(item, timeout)
        hook = item.config.hook
        data = [hook.pytest_report_to_serializable(config=item.config, report=r) for r in reports]
        with open(result, "w", encoding="utf-8", closefd=False) as f:
            json.dump(data, f, default=str)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def reports_of(item, timeout):
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        signal.setitimer(signal.ITIMER_REAL, timeout)
        return runtestprotocol(item, log=False, nextitem=None)
    except BaseException:  # between the phases, where pytest does not look for it
        return made_reports(item, traceback.format_exc())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def made_reports(item, text, sections=()):
    """Reports of a test that could not make its own."""
    def report(when, outcome, longrepr):
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, longrepr, when, sections)
    return [report("call", "failed", text), report("teardown", "passed", None)]


def as_skip(error):
    """The exception of a test's Skip as pytest's own."""
    reason = str(error) or "no reason given"
    return pytest.CallInfo.from_call(lambda: pytest.skip(reason), "call").excinfo


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """In the test's process, after each of its phases."""
    if call.excinfo:
        signal.setitimer(signal.ITIMER_REAL, 0)  # what is cleaned up has GRACE
        if isinstance(call.excinfo.value, Skip):
            call.excinfo = as_skip(call.excinfo.value)
    outcome = yield
    report = outcome.get_result()
    if call.when == "call":
        item.passed = report.passed
    ctx = getattr(item, "ctx", None)
    if report.failed and ctx:
        with contextlib.suppress(OSError):
            report.sections.append(("programs of the test", "\n".join(ctx.report())))
    report.sections = [(name, "\n".join(tail(text, 200))) for name, text in report.sections if text]


# -- the run's process -----------------------------------------------------------------------------

def run_forked(item, user):
    """The reports of the test. What it leaves running is gone afterwards, also when the run is
    stopped meanwhile."""
    timeout = getattr(item.function, "timeout", harness.DEFAULT_TIMEOUT)
    result = os.memfd_create("result")
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    pid = os.fork()
    if pid == 0:
        child(item, timeout, result)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        wait_end([pid], timeout + GRACE)  # past which sweep() kills it
        data = os.pread(result, os.fstat(result).st_size, 0)
    except BaseException:
        os.kill(pid, signal.SIGTERM)
        wait_end([pid], GRACE)
        raise
    finally:
        os.close(result)
        status = sweep(user, pid)
    try:
        return [from_json(item.config, report) for report in json.loads(data)]
    except ValueError:
        return made_reports(item, how_died(status), printed(item.config))


def from_json(config, data):
    report = config.hook.pytest_report_from_serializable(config=config, data=data)
    if isinstance(report.longrepr, list):  # of a skip
        report.longrepr = tuple(report.longrepr)
    return report


def how_died(status):
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        return "the test's process was killed: by another, or %d s past its deadline" % GRACE
    how = "signal %d" % -code if code < 0 else "exit code %d" % code
    return "the test's process died: " + how


def printed(config):
    """What a test printed that died: it is still where pytest catches output."""
    capture = config.pluginmanager.getplugin("capturemanager")
    if not capture.is_globally_capturing():
        return []
    found = zip(("stdout", "stderr"), capture.read_global_capture())
    return [("Captured " + name, "\n".join(tail(text, 200))) for name, text in found if text]


def wait_end(pids, timeout):
    """Wait until all these processes ended; False when one did not within the timeout (seconds)."""
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            if not poll.poll(timeout * 1000):
                return False
        finally:
            os.close(fd)
    return True


def sweep(user, test=None):
    """Kill what is left of a test, collect what was adopted. Returns the wait status of the test's
    own process."""
    def running():
        mine = procs.processes_of(user.uid) if user.made else []
        return procs.descendants(os.getpid()) + mine
    status = None
    while left := running():
        procs.kill_all(p.pid for p in left)
        wait_end([p.pid for p in left], 10)
        status = collect(test, status)
    return collect(test, status)


def collect(test, status):
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            status = ended if pid == test else status
    return status
