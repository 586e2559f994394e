"""Events of a session against their table, docs/protocols/events.md, which host.test_tree compares with src/proto/event.c."""

import os
import re

from checks import assert_eq

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KINDS = {"text": (str, type(None)), "number": (int,), "true": (bool,)}


def table():
    """({member: (types, may be missing)} of all events, {event: the same of its own members})."""
    with open(os.path.join(REPO, "docs/protocols/events.md"), encoding="utf-8") as f:
        first, *rest = re.split(r"^## (\S+)\n", f.read(), flags=re.M)
    def members(text):
        rows = re.findall(r"^\| (\w+) \| (text|number|true)(, may be missing)? \|", text, re.M)
        return {name: (KINDS[kind], bool(missing)) for name, kind, missing in rows}
    return members(first), {name: members(text) for name, text in zip(rest[::2], rest[1::2])}


def violations(events):
    """What is in events and not in the table, or the other way round: [text]."""
    common, rows = table()
    wrong = []
    for e in events:
        if e.get("event") not in rows:
            wrong.append("unknown event: %r" % e)
            continue
        own = rows[e["event"]]
        all_of = {**({} if e["event"] == "events-full" else common), **{k: common[k] for k in ("event", "schema")}, **own}
        wrong += ["%s: unknown member %s" % (e["event"], k) for k in e if k not in all_of]
        wrong += ["%s: %s=%r" % (e["event"], k, v) for k, v in e.items() if k in all_of and not isinstance(v, all_of[k][0])]
        wrong += ["%s: %s is missing" % (e["event"], k) for k, (_, optional) in all_of.items() if k not in e and not optional]
    return wrong


def check(events):
    assert_eq(violations(events), [], "events that are not those of the table")
