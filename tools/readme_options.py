#!/usr/bin/python3
"""Writes the options table of README.md from `ccvmctl config table`. tests/host/test_names.py says when that is due."""

import json
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MARKS = re.compile(r"(<!-- options: [^\n]*-->\n).*?(<!-- end of options -->)", re.S)


def row(o):
    default = json.dumps(o["default"])
    cell = "`%s`" % default if len(default) < 30 else "claude's switches, LANG and the like"
    ways = ", ".join("`%s`" % w for w in o.get("flags", "").split(", ") + [o.get("variable", "")] if w)
    return "| `%s` | %s | %s | %s | %s |" % (o["name"], cell, o["help"].replace("|", "\\|"), ways, o["when"])


def with_table(text, table):
    """The README with the table of these options between its marks."""
    lines = ["| option | default | | for one run | when |", "|---|---|---|---|---|", *map(row, table["options"])]
    return MARKS.sub(lambda m: m[1] + "\n".join(lines) + "\n" + m[2], text)


if __name__ == "__main__":
    path = os.path.join(TOP, "README.md")
    with open(path, encoding="utf-8") as f:
        old = f.read()
    new = with_table(old, json.loads(subprocess.check_output([os.path.join(TOP, "build/bin/ccvmctl"), "config", "table"])))
    with open(path, "w", encoding="utf-8") as f:
        f.write(new)
