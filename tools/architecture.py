#!/usr/bin/python3
"""Writes the tables of ARCHITECTURE.md and docs/images/processes.svg from tests/rules.toml.

tests/host/test_tree.py says when that is due."""

import os
import re
import tomllib
from xml.sax.saxutils import escape

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RULES = os.path.join(TOP, "tests/rules.toml")
PAGE = os.path.join(TOP, "ARCHITECTURE.md")
PICTURE = os.path.join(TOP, "docs/images/processes.svg")

MARKS = re.compile(r"(<!-- made by tools/architecture\.py: (\w+) -->\n).*?(<!-- end -->)", re.S)

# -- tables ----------------------------------------------------------------------------------------


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| %s |\n" % " | ".join(cells) for cells in lines)


def code(names):
    return ", ".join("`%s`" % n for n in names)


def processes(rules):
    return table(["process", "does", "may touch"],
                 [["`%s`" % p["name"], p["does"], p["touches"]] for p in rules["process"]])


def talks(rules):
    return table(["between", "", "over"],
                 [["%s %s %s" % (t["between"][0], "→" if t.get("start") else "–", t["between"][1]),
                   t["by"], t["over"]] for t in rules["talk"]])


def folders(rules):
    rows = []
    for folder, may in rules["folders"].items():
        first, holds = rules["first"][folder]
        rows.append(["`src/%s/`" % folder, holds, "`src/%s`" % first, code(may) or "nothing"])
    return table(["folder", "holds", "open first", "may include"], rows)


def libraries(rules):
    return table(["header", "used in"],
                 [["`<%s>`" % h, code(places)] for h, places in rules["libraries"].items()])


TABLES = {"processes": processes, "talks": talks, "folders": folders, "libraries": libraries}


def with_tables(text, rules):
    """The page with each table between its marks."""
    return MARKS.sub(lambda m: m[1] + TABLES[m[2]](rules) + m[3], text)


# -- the picture -----------------------------------------------------------------------------------

STEP_X, STEP_Y, BOX_X, BOX_Y, MARGIN, TOP_Y = 232, 112, 132, 44, 24, 52
STYLE = """text { font: 13px sans-serif; fill: #1b1f24; text-anchor: middle }
.side { font-size: 12px; fill: #57606a; text-anchor: start }
.by { font-size: 11px; fill: #57606a; paint-order: stroke; stroke: #fff; stroke-width: 5px }
line { stroke: #8c959f; stroke-width: 1.3 }
.host { fill: #ddf4ff; stroke: #54aeff } .jail { fill: #ffebe9; stroke: #ff8182 }
.guest { fill: #fff8c5; stroke: #d4a72c }"""


def middle(process):
    x, y = process["at"]
    return MARGIN + x * STEP_X + BOX_X / 2, TOP_Y + y * STEP_Y + BOX_Y / 2


def edge(start, end):
    """Where the line from a box's middle to another's leaves the first box."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    scale = min(BOX_X / 2 / abs(dx) if dx else 9, BOX_Y / 2 / abs(dy) if dy else 9)
    return start[0] + dx * scale, start[1] + dy * scale


def arrow(rules, talk):
    place = {p["name"]: middle(p) for p in rules["process"]}
    a, b = (place[name] for name in talk["between"])
    (x1, y1), (x2, y2) = edge(a, b), edge(b, a)
    end = ' marker-end="url(#start)"' if talk.get("start") else ""
    return ('<line x1="%.0f" y1="%.0f" x2="%.0f" y2="%.0f"%s/>\n<text class="by" x="%.0f" y="%.0f">%s</text>\n'
            % (x1, y1, x2, y2, end, (x1 + x2) / 2, (y1 + y2) / 2 + 4, escape(talk["by"])))


def box(process):
    x, y = middle(process)
    return ('<rect class="%s" x="%.0f" y="%.0f" width="%d" height="%d" rx="6"/>\n<text x="%.0f" y="%.0f">%s</text>\n'
            % (process["side"], x - BOX_X / 2, y - BOX_Y / 2, BOX_X, BOX_Y, x, y + 5, escape(process["name"])))


def legend():
    """What the colours and the arrow mean, in one line at the top."""
    parts = [("host", "on the host"), ("jail", "on the host, reads hostile bytes, confined"), ("guest", "in the guest")]
    out, x = "", MARGIN
    for side, text in parts:
        out += ('<rect class="%s" x="%d" y="14" width="14" height="14" rx="3"/>\n<text class="side" x="%d" y="25">%s</text>\n'
                % (side, x, x + 20, text))
        x += 44 + 7 * len(text)
    return out + '<text class="side" x="%d" y="25">an arrow: the first starts the second</text>\n' % x


def picture(rules):
    width = 2 * MARGIN + BOX_X + STEP_X * max(p["at"][0] for p in rules["process"])
    height = TOP_Y + MARGIN + BOX_Y + STEP_Y * max(p["at"][1] for p in rules["process"])
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">\n<style>%s</style>\n'
            '<defs><marker id="start" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#8c959f"/></marker></defs>\n<rect width="100%%" height="100%%" fill="#fff"/>\n%s</svg>\n'
            % (width, height, width, height, STYLE,
               legend() + "".join(arrow(rules, t) for t in rules["talk"]) + "".join(map(box, rules["process"]))))


def read_rules():
    with open(RULES, "rb") as f:
        return tomllib.load(f)


def main():
    rules = read_rules()
    with open(PAGE, encoding="utf-8") as f:
        page = with_tables(f.read(), rules)
    for path, text in ((PAGE, page), (PICTURE, picture(rules))):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


if __name__ == "__main__":
    main()
