#!/usr/bin/python3
"""The runner of `make check`. Runs, in this order, and prints one line for each test:

  unit.<binary>.<case>       cmocka programs, --unit DIR (build/test/unit); a program that crashes is a failure
  fuzz.<name>                fuzz targets, --fuzz DIR (build/test/fuzz), each once over tests/fuzz/corpus/<name>/*
  host.<module>.<test>       Python tests in tests/host, and executable tests/host/*.sh that print `ok - …` lines
  boot.<module>.<test>       Python tests in tests/boot, which boot guests

  tests/run.py --only boot.test_scripted       tests whose name starts so; `*` and `?` work too; may be repeated

Unit tests, fuzz targets and scripts run as the caller, Python tests get a user of their own (lib/harness.py). From the
environment: CCVM_BIN (default build/bin), CCVM_TEST_IMAGE (default CCVM_IMAGE, then build/image), CCVM_TEST_KEEP=1,
CCVM_TEST_BOOT=cold or template (default: half of the tests each way, by their names; `other` turns that round).
The last line is `N passed, N failed`, with `, N skipped` when there are any; exit 1 when one failed or none ran.
"""

import argparse
import concurrent.futures
import fnmatch
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

TESTS = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(TESTS)
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TESTS, "lib"))

import harness  # noqa: E402
import procs  # noqa: E402
from checks import Skip, assert_eq, tail, wait_until  # noqa: E402

UNIT_TIMEOUT = 900
GRACE = 20


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived: clean up and end."""


class Deadline(Exception):
    """Raised in a test whose time is up, so that its traceback shows where it hung."""


class Results:
    """Counts and prints. Names are filtered here, so that a test that is not asked for is never counted."""

    def __init__(self, only):
        self.only, self.passed, self.failed, self.skipped = only, 0, [], []

    def wants(self, name):
        """True when a test, or a group of tests, of this name may be asked for."""
        return not self.only or any(fnmatch.fnmatch(name, p) or name.startswith(p) or fnmatch.fnmatch(name, p + ".*")
                                    for p in self.only)

    def wants_group(self, name):
        literal = [re.split(r"[*?[]", p)[0] for p in self.only]
        return self.wants(name) or any(name.startswith(p) or p.startswith(name + ".") for p in literal)

    def add(self, name, verdict, seconds=None, details=()):
        """verdict: True, False or the reason of a skip."""
        took = "" if seconds is None else " (%.1fs)" % seconds
        if verdict is True:
            self.passed += 1
            print("ok - %s%s" % (name, took), flush=True)
        elif verdict is False:
            self.failed.append(name)
            print("not ok - %s%s" % (name, took), flush=True)
            for line in details:
                print("    " + line, flush=True)
        else:
            self.skipped.append((name, verdict))
            print("skip - %s: %s" % (name, verdict), flush=True)

    def finish(self):
        if self.skipped:
            print("\n%d SKIPPED, these were NOT tested:" % len(self.skipped))
            for name, reason in self.skipped:
                print("  %s: %s" % (name, reason))
        if self.failed:
            print("\nfailed:")
            for name in self.failed:
                print("  " + name)
        if not self.passed and not self.failed:
            print("\nno test ran" + (": nothing matches %s" % " ".join(self.only) if self.only else ""))
        line = "%d passed, %d failed" % (self.passed, len(self.failed))
        print(line + (", %d skipped" % len(self.skipped) if self.skipped else ""), flush=True)
        return 1 if self.failed or not self.passed else 0


# -- programs: unit tests, fuzz replays, scripts ----------------------------------------------------------------------

def executables(directory):
    if not os.path.isdir(directory):
        return []
    return sorted(e.path for e in os.scandir(directory)
                  if e.is_file() and "." not in e.name and os.access(e.path, os.X_OK))


def run_program(argv, env, cwd=REPO):
    """(exit code or None when it was killed past its deadline, output, seconds)."""
    start = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd,
                          env={**os.environ, **env}, start_new_session=True) as p:
        try:
            out, _ = p.communicate(timeout=UNIT_TIMEOUT)
            code = p.returncode
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, _ = p.communicate()
            code = None
        except BaseException:
            os.killpg(p.pid, signal.SIGKILL)
            raise
    return code, out.decode("utf-8", "backslashreplace"), time.monotonic() - start


def in_pool(fn, todo, jobs):
    """Yield fn(x) for each x, `jobs` at a time, in order. When the run is stopped the programs go at once."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(fn, todo)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            procs.kill_all(p.pid for p in procs.descendants(os.getpid()))
            raise


def how_ended(code):
    if code is None:
        return "was killed: not done after %d s" % UNIT_TIMEOUT
    return "was ended by signal %d" % -code if code < 0 else "ended with exit code %d" % code


def tap_cases(output):
    """[(name, verdict, diagnostic lines)] and the number of cases the TAP plans promise. cmocka prints a plan for each
    group, and what went wrong as text or `#` lines before or after the verdict: it is kept with the next verdict."""
    cases, planned, notes = [], 0, []
    for line in output.splitlines():
        plan = re.match(r"1\.\.(\d+)", line.strip())
        m = re.match(r"\s*(not )?ok\b\s*\d*\s*(?:- )?(.*)$", line)
        if plan:
            planned += int(plan[1])
        elif m:
            name, _, directive = m[2].partition("#")
            skip = re.match(r"\s*skip\S*\s*(.*)", directive, re.I)
            if skip and not name.strip():  # cmocka: `not ok 3 # SKIP name`, and never a reason
                name, skip = skip[1], ["", "skip() in the test"]
            cases.append([name.strip(), (skip[1] or "no reason given") if skip else not m[1], notes])
            notes = []
        elif line.startswith("#") and cases and not cases[-1][1]:
            cases[-1][2] += [] if re.match(r"# (not )?ok - ", line) else [line]
        elif not re.match(r"#|TAP version", line):
            notes.append(line)
    return cases, planned, notes


def run_unit(results, directory, jobs, env):
    todo = [p for p in executables(directory) if results.wants_group("unit." + os.path.basename(p))]
    done = in_pool(lambda p: run_program([p], {**env, "CMOCKA_MESSAGE_OUTPUT": "TAP"}), todo, jobs)
    for path, (code, output, seconds) in zip(todo, done):
        name = "unit." + os.path.basename(path)
        cases, planned, rest = tap_cases(output)
        for case, verdict, notes in cases:
            if results.wants("%s.%s" % (name, case)):
                results.add("%s.%s" % (name, case), verdict, None, tail("\n".join(notes), 30))
        if not cases or len(cases) != planned or code != 0 and all(v is not False for _, v, _ in cases):
            results.add(name, False, seconds, ["%s, %d of %d cases reported" % (how_ended(code), len(cases), planned)]
                        + tail("\n".join(rest) or output, 40))


def run_fuzz(results, directory, jobs, env):
    todo = [p for p in executables(directory) if results.wants("fuzz." + os.path.basename(p))]

    def replay(path):
        corpus = os.path.join(TESTS, "fuzz", "corpus", os.path.basename(path))
        files = sorted(e.path for e in os.scandir(corpus) if e.is_file()) if os.path.isdir(corpus) else []
        return run_program([path, *files], env) if files else (0, None, 0)

    for path, (code, output, seconds) in zip(todo, in_pool(replay, todo, jobs)):
        name = os.path.basename(path)
        if output is None:
            results.add("fuzz." + name, False, None, ["tests/fuzz/corpus/%s has no files: nothing was replayed" % name])
        else:
            results.add("fuzz." + name, code == 0, seconds, [how_ended(code)] + tail(output, 60))


def run_script(results, path, name, env):
    """A script that prints `ok - text`, `not ok - text`, `skip - text: reason`; other lines explain the next one."""
    code, output, seconds = run_program([path], env)
    notes, count, bad = [], 0, False
    for line in output.splitlines():
        m = re.match(r"(ok|not ok|skip) - (.*)$", line)
        if not m:
            notes.append(line)
            continue
        count += 1
        bad |= m[1] == "not ok"
        text, _, reason = m[2].partition(": ") if m[1] == "skip" else (m[2], "", "")
        results.add("%s: %s" % (name, text), {"ok": True, "not ok": False}.get(m[1], reason or "no reason given"), None,
                    tail("\n".join(notes), 40))
        notes = []
    if not count or code != 0 and not bad:
        results.add(name, False, seconds, ["%s after %d checks" % (how_ended(code), count)] + tail(output, 40))


# -- Python tests -----------------------------------------------------------------------------------------------------

def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def trace(error):
    """The traceback as lines, without the runner's own frames."""
    frames = [f for f in traceback.extract_tb(error.__traceback__)
              if f.filename != os.path.abspath(__file__) and not f.filename.startswith("<")]
    lines = ["%s:%d in %s: %s" % (os.path.relpath(f.filename, REPO), f.lineno, f.name, f.line) for f in frames[-6:]]
    text = str(error) if isinstance(error, AssertionError) else "%s: %s" % (type(error).__name__, error)
    return text.split("\n") + lines


def child(run, number, name, fn, timeout, result_path):
    """In a process of its own: the whole life of one test. What comes of it is left as JSON in result_path."""
    def alarm(*_):
        raise Deadline("the test is not done after %g s" % timeout)

    def term(*_):
        raise Stopped

    signal.signal(signal.SIGALRM, alarm)
    signal.signal(signal.SIGTERM, term)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, timeout)
    procs.become_subreaper()
    procs.die_with_parent(signal.SIGTERM)
    verdict, details, ctx = False, [], None
    try:
        ctx = harness.Context(run, number, run.boot_of(name, fn))
        fn(ctx)
        ctx.close()
        wait_until(lambda: assert_eq(ctx.processes(), [], "processes left") is None, 10, "end of the test's processes")
        verdict = True
    except Skip as e:
        verdict = str(e) or "no reason given"
    except (Exception, Stopped) as e:
        signal.setitimer(signal.ITIMER_REAL, 0)
        details = trace(e) + (ctx.report() if ctx else [])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if ctx:
            try:
                ctx.close()
            except Exception as e:
                verdict, details = False, details + ["while cleaning up:"] + trace(e)
            procs.kill_all(p.pid for p in ctx.processes())
    with open(result_path + ".new", "w", encoding="utf-8") as f:
        json.dump({"verdict": verdict, "details": details}, f)
    os.rename(result_path + ".new", result_path)


def run_python(results, run, number, name, fn, timeout):
    start = time.monotonic()
    base = os.path.join(run.base, "result%d" % number)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setsid()
            out = os.open(base + ".out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out, 1)
            os.dup2(out, 2)
            child(run, number, name, fn, timeout, base)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    try:
        killed = not wait_child(pid, timeout + GRACE)
    except BaseException:
        os.kill(pid, signal.SIGTERM)
        wait_child(pid, GRACE)
        raise
    finally:
        sweep(run)
    seconds = time.monotonic() - start
    printed = (procs.read(base + ".out") or b"").decode("utf-8", "backslashreplace").rstrip()
    data = procs.read(base)
    result = json.loads(data) if data else {"verdict": False, "details": [
        "the test's process was killed %d s past its deadline" % GRACE if killed else "the test's process died"]}
    if os.environ.get("CCVM_TEST_KEEP") != "1":
        for path in (os.path.join(run.base, "t%d" % number), os.path.join(run.ram, "r%d" % number)):
            shutil.rmtree(path, ignore_errors=True)
    details = result["details"] + (["printed by the test:"] + ["  " + x for x in tail(printed, 30)] if printed else [])
    results.add(name, result["verdict"], seconds, details)


def wait_child(pid, timeout):
    """Wait for a forked test; past the timeout it is killed and False returned."""
    end = time.monotonic() + timeout
    pause = 0.005
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return False
        time.sleep(pause)
        pause = min(pause * 1.3, 0.1)
    return True


def sweep(run):
    """After each test: kill what is left of it, collect what was adopted."""
    while left := procs.descendants(os.getpid()) + (procs.processes_of(run.user.uid) if run.user.made else []):
        procs.kill_all(p.pid for p in left)
        collect()
        time.sleep(0.01)
    collect()


def collect():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def discover(results):
    """[(kind, name, path or None, function or None, timeout)] of tests/host and tests/boot."""
    found = []
    for folder in ("host", "boot"):
        top = os.path.join(TESTS, folder)
        for e in sorted(os.scandir(top), key=lambda e: e.name) if os.path.isdir(top) else []:
            group = "%s.%s" % (folder, os.path.splitext(e.name)[0])
            if not results.wants_group(group):
                continue
            if e.name.endswith(".sh") and os.access(e.path, os.X_OK):
                found.append(("script", group, e.path, None, 0))
            elif e.name.startswith("test_") and e.name.endswith(".py"):
                try:
                    tests = harness.tests_of(load(e.path, group))
                except Exception as error:
                    found.append(("broken", group, e.path, error, 0))
                    continue
                found += [("python", "%s.%s" % (group, n), None, fn, t) for n, fn, t in tests
                          if results.wants("%s.%s" % (group, n))]
    return found


def make_template(results, run):
    """A result of its own: without it, tests that ask for a template would quietly boot cold."""
    start = time.monotonic()
    failure = run.make_template(300) if run.bin and run.image else "no programs or no image"
    results.add("boot.template", failure is None, time.monotonic() - start, failure.split("\n") if failure else [])


def run_all(args, results):
    found = [] if args.no_system else discover(results)
    run = harness.Run()
    try:
        tmp = os.path.join(run.base, "programs")
        os.mkdir(tmp, 0o700)
        env = {"TMPDIR": tmp, "HOME": tmp, "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
               "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
        run_unit(results, args.unit, args.jobs, env)
        run_fuzz(results, args.fuzz, args.jobs, env)
        templated = False
        for number, (kind, name, path, what, timeout) in enumerate(found):
            if kind == "script":
                run_script(results, path, name, {**env, "CCVM_BIN": run.bin or "", "CCVM_TEST_IMAGE": run.image or ""})
            elif kind == "broken":
                results.add(name, False, None, ["the module cannot be loaded"] + trace(what))
            else:
                if name.startswith("boot.") and not templated:
                    templated = True
                    make_template(results, run)
                run_python(results, run, number, name, what, timeout)
    finally:
        sweep(run)
        run.close()


def main():
    ap = argparse.ArgumentParser(description="run ccvm's tests", epilog="See the top of this file.")
    ap.add_argument("--unit", default=os.path.join(REPO, "build", "test", "unit"), metavar="DIR")
    ap.add_argument("--fuzz", default=os.path.join(REPO, "build", "test", "fuzz"), metavar="DIR")
    ap.add_argument("--only", action="append", default=[], metavar="PATTERN")
    ap.add_argument("--list", action="store_true", help="print the names and run nothing")
    ap.add_argument("--jobs", type=int, default=1, help="unit tests and fuzz targets at a time (default 1)")
    ap.add_argument("--no-system", action="store_true", help="unit tests and fuzz targets only")
    args = ap.parse_args()
    built = os.path.join(REPO, "build", "image")
    os.environ.setdefault("CCVM_TEST_IMAGE", os.environ.get("CCVM_IMAGE") or (built if os.path.isdir(built) else ""))
    results = Results(args.only)
    if args.list:
        for folder, kind in ((args.unit, "unit."), (args.fuzz, "fuzz.")):
            for path in executables(folder):
                if results.wants_group(kind + os.path.basename(path)):
                    print(kind + os.path.basename(path))
        for _, name, _, what, _ in [] if args.no_system else discover(results):
            print(name + (": cannot be loaded: %s" % what if isinstance(what, Exception) else ""))
        return 0

    def stop(*_):
        raise Stopped

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    procs.become_subreaper()
    try:
        run_all(args, results)
    except Stopped:
        results.add("run", False, None, ["stopped by a signal"])
    except RuntimeError as e:
        results.add("run", False, None, ["cannot run: %s" % e])
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
