"""The names of tests, as `--only` takes them, beside pytest's node ids:

  unit.<program>.<case>      tests/unit/<program>.c::<case>
  fuzz.<target>              tests/fuzz/<target>.c::<target>
  host.<module>.<test>       tests/host/<module>.py::<test>
  host.<script>: <check>     tests/host/<script>.sh::<check>
  boot.<module>.<test>       tests/boot/<module>.py::<test>
"""

import fnmatch
import os
import re

KINDS = ("unit", "fuzz", "host", "boot")  # in the order in which they run


def name_of(nodeid):
    path, _, case = nodeid.partition("::")
    stem, ending = os.path.splitext(path)
    group = stem.removeprefix("tests/").replace("/", ".")
    if not case or ending in (".c", ".sh") and case == os.path.basename(stem):
        return group
    return group + (": " if ending == ".sh" else ".") + case


def kind_of(nodeid):
    return name_of(nodeid).partition(".")[0]


class Only:
    """The patterns of --only; without any, every name is wanted."""

    def __init__(self, patterns):
        self.patterns = patterns

    def wants(self, name):
        """True for a test, or a group of tests, that is asked for."""
        def fits(p):
            return name.startswith(p) or fnmatch.fnmatch(name, p) or fnmatch.fnmatch(name, p + ".*")
        return not self.patterns or any(fits(p) for p in self.patterns)

    def wants_group(self, name):
        """True when a test of this group may be asked for."""
        literal = [re.split(r"[*?[]", p)[0] for p in self.patterns]
        inside = (name + ".", name + ":")
        return self.wants(name) or any(name.startswith(p) or p.startswith(inside) for p in literal)
