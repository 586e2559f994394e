"""Assertions that print both values, bytes shown escaped and bounded, and waiting with a deadline."""

import re
import time

SHOWN = 600


class Skip(Exception):
    """Raised by a test that cannot run here. The reason is printed and counted: use it where nothing else helps."""


def show(value, limit=SHOWN):
    """A value for a failure message: control characters escaped, the middle of long values left out."""
    text = value if isinstance(value, str) and value.isprintable() and not value.startswith("'") else repr(value)
    if len(text) > limit:
        half = limit // 2
        text = "%s …(%d characters left out)… %s" % (text[:half], len(text) - 2 * half, text[-half:])
    return text


def tail(data, lines=40):
    """The last lines of a log (bytes or text), escaped line by line so that a guest cannot paint the terminal."""
    if isinstance(data, bytes):
        data = data.decode("utf-8", "backslashreplace")
    data = re.sub(r"\n{3,}", "\n\n", data.replace("\r\n", "\n").rstrip("\n"))
    return ["".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in line)[:500]
            for line in data.split("\n")[-lines:]] if data else []


def first_difference(a, b):
    n = min(len(a), len(b))
    return next((i for i in range(n) if a[i] != b[i]), n)


def assert_eq(got, want, what="value"):
    if got == want:
        return
    text = "%s differs\n  got:  %s\n  want: %s" % (what, show(got), show(want))
    if type(got) is type(want) and isinstance(got, (str, bytes)) and max(len(got), len(want)) > 60:
        at = first_difference(got, want)
        text += "\n  lengths %d and %d, first difference at %d:\n  got:  %s\n  want: %s" % (
            len(got), len(want), at, show(got[max(0, at - 20):at + 60]), show(want[max(0, at - 20):at + 60]))
    raise AssertionError(text)


def assert_ne(got, unwanted, what="value"):
    if got == unwanted:
        raise AssertionError("%s is %s, which it must not be" % (what, show(got)))


def assert_in(part, whole, what="value"):
    if part not in whole:
        raise AssertionError("%s lacks the expected part\n  part: %s\n  in:   %s" % (what, show(part), show(whole)))


def assert_not_in(part, whole, what="value"):
    if part in whole:
        raise AssertionError("%s has a part it must not have\n  part: %s\n  in:   %s" % (what, show(part), show(whole)))


def assert_match(pattern, text, what="value"):
    m = re.search(pattern, text)
    if not m:
        raise AssertionError("%s does not match\n  pattern: %s\n  text:    %s" % (what, show(pattern), show(text)))
    return m


def assert_true(value, what):
    if not value:
        raise AssertionError("%s: got %s" % (what, show(value)))
    return value


def wait_until(condition, timeout, what):
    """Call condition() until it is true or timeout seconds are over; returns its value. This is the only way tests
    wait. An AssertionError of the condition counts as not yet, and is shown when time is up."""
    end = time.monotonic() + timeout
    pause = 0.005
    while True:
        last = None
        try:
            value = condition()
            if value:
                return value
            last = value
        except AssertionError as e:
            last = e
        if time.monotonic() >= end:
            why = str(last) if isinstance(last, AssertionError) else show(last)
            raise AssertionError("%s did not happen within %g s; last seen: %s" % (what, timeout, why))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
