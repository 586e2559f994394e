#!/usr/bin/env python3
"""make bench: one JSON object on stdout, progress on stderr. Timings of a shared machine are compared within one run, and
nothing is asserted of them: `figures` says which goals are met. The unit of a number is in its name or its folder's.
CCVM_BENCH_ROUNDS (10) starts of each kind take turns. CCVM_BENCH_ONLY=starts,keys runs these sections alone. A section that
fails leaves its error under `errors`, and the exit status is 1; 2 is wrong usage. SIGTERM ends it with what there is so far.

  starts      ready_s, running_s: from ccvm's start to the state `ready` and to the agent's start, cold and from a template;
              version_s: the whole of `ccvm --version` with the real claude, cold and from a template; ratio:
              template / cold, of the medians; steps_ms: when each event of the last start from a template came
  systemd_q35  the same files booted by systemd on q35, three starts at most: banner_s of SSH, version_s, which is also put
              among those of `starts` (q35.py; as root only)
  prompts     seconds of the whole `ccvm -p` against the scripted API server, from a template
  scripted    fifty of these, eight at a time: right answers, and what is left (sessions.py)
  memory      1, 4 and 8 idle shells at a time: private and proportional memory of all their processes; and of each process
              of one session
  terminal    what ccvm-term costs: throughput beside tmux, key to frame, idle (term.py, pane.py)
  keys        key to echo through ccvm-tui and through the bare SSH channel (keys.py)
  files       work on files in the workspace and on the guest's tmpfs, five rounds at most; how soon a host's edit is seen (files.py)
  idle        processor time of sixteen idle sessions (sessions.py)
  disk        starts with the encrypted disk and without, what it and a tmpfs write and read, a Nix build on each
              (pooldisk.py)
  egress      the network (egress.py); as root only, since its servers stand in network namespaces of their own
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), HERE]
import egress  # noqa: E402
import files  # noqa: E402
import harness  # noqa: E402
import keys  # noqa: E402
import pooldisk  # noqa: E402
import procs  # noqa: E402
import q35  # noqa: E402
import sessions  # noqa: E402
import starts  # noqa: E402
import term  # noqa: E402
from figures import figures  # noqa: E402
from measure import note  # noqa: E402

# In this order: egress leaves this process in other namespaces.
SECTIONS = {
    "starts": starts.starts,
    "systemd_q35": lambda ctx: q35.run(ctx, min(starts.ROUNDS, 3)),
    "prompts": starts.prompts,
    "scripted": sessions.scripted,
    "memory": starts.memory,
    "terminal": term.run,
    "keys": keys.run,
    "files": lambda ctx: files.run(ctx, min(starts.ROUNDS, 5)),
    "idle": sessions.idle,
    "disk": lambda ctx: pooldisk.run(ctx, min(starts.ROUNDS, 3)),
    "egress": egress.run,
}

WITHOUT_A_TEMPLATE = ("terminal",)


def wanted_sections(text):
    """The names of CCVM_BENCH_ONLY in the sections' order; all for an empty text. Raises ValueError."""
    names = [n for n in text.split(",") if n]
    unknown = sorted(set(names) - set(SECTIONS))
    if unknown:
        raise ValueError("no such section: %s (there are %s)" % (", ".join(unknown), ", ".join(SECTIONS)))
    return [n for n in SECTIONS if not names or n in names]


def run_section(run, number, name, result, sections):
    """Adds the section's result, or its error; whatever it started is ended."""
    begin = time.monotonic()
    note("section %s" % name)
    ctx = None
    try:
        ctx = harness.Context(run, number, "template")
        result[name] = sections[name](ctx)
    except Exception as e:
        note("section %s failed: %s" % (name, e))
        result["errors"][name] = traceback.format_exception_only(type(e), e)[-1].strip().split("\n")
        traceback.print_exc()
    finally:
        if ctx:
            close(ctx)
    result["section_seconds"][name] = round(time.monotonic() - begin)


def close(ctx):
    try:
        ctx.close()
    except Exception as e:
        note("while cleaning up: %s" % e)
    procs.kill_all(p.pid for p in ctx.processes())


def machine():
    qemu = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=False).stdout
    return {"cpus": os.cpu_count(), "kvm": os.access("/dev/kvm", os.W_OK), "qemu": qemu.split("\n", maxsplit=1)[0],
            "load": round(os.getloadavg()[0], 2)}


def main():
    try:
        wanted = wanted_sections(os.environ.get("CCVM_BENCH_ONLY", ""))
    except ValueError as e:
        print("bench: %s" % e, file=sys.stderr)
        return 2
    procs.become_subreaper()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended then too
    result = {"before": machine(), "errors": {}, "section_seconds": {}}
    run = harness.Run()
    try:
        if set(wanted) - set(WITHOUT_A_TEMPLATE):
            note("saving a guest")
            failure = run.make_template(600)
            if failure:
                result["errors"]["template"] = failure.split("\n")
        for number, name in enumerate(wanted):
            if name in WITHOUT_A_TEMPLATE or "template" not in result["errors"]:  # else it would quietly measure cold starts
                run_section(run, number, name, result, SECTIONS)
    finally:  # also when it was ended early: half an hour of figures is worth keeping
        run.close()
        report(result)
    return 1 if result["errors"] else 0


def report(result):
    if {"starts", "systemd_q35"} <= set(result):
        result["starts"]["version_s"]["systemd_q35"] = result["systemd_q35"]["version_s"]
    result["load_after"] = round(os.getloadavg()[0], 2)
    result["figures"] = figures(result)
    print(json.dumps(result, indent=2), flush=True)


if __name__ == "__main__":
    sys.exit(main())
