#!/usr/bin/python3
"""Writes the options table of README.md from `ccvmctl config table`; --check only says whether it is as it should be."""

import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MARKS = re.compile(r"(<!-- options: [^\n]*-->\n).*?(<!-- end of options -->)", re.S)


def row(o):
    default = json.dumps(o["default"])
    cell = "`%s`" % default if len(default) < 30 else "claude's switches, LANG and the like"
    ways = ", ".join("`%s`" % w for w in o.get("flags", "").split(", ") + [o.get("variable", "")] if w)
    return "| `%s` | %s | %s | %s | %s |" % (o["name"], cell, o["help"].replace("|", "\\|"), ways, o["when"])


def main():
    table = json.loads(subprocess.check_output([os.path.join(TOP, "build/bin/ccvmctl"), "config", "table"]))
    lines = ["| option | default | | for one run | when |", "|---|---|---|---|---|", *map(row, table["options"])]
    path = os.path.join(TOP, "README.md")
    with open(path, encoding="utf-8") as f:
        old = f.read()
    new = MARKS.sub(lambda m: m[1] + "\n".join(lines) + "\n" + m[2], old)
    if "--check" in sys.argv[1:]:
        if new != old:
            sys.exit("README.md: the options table is not the program's; tools/readme_options.py writes it")
    else:
        with open(path, "w", encoding="utf-8") as f:
            f.write(new)


if __name__ == "__main__":
    main()
