#!/usr/bin/python3
"""Draws a captured terminal screen as SVG, for the documents.

  tmux capture-pane -e -p -N >docs/images/tui.ans
  tools/screenshot.py docs/images/tui.ans >docs/images/tui.svg

The input is lines of text with SGR escape sequences (ECMA-48 8.3.117, and 38;5 and 38;2 for colours); every other sequence is an
error, since nothing else is in a capture. Each run of equal attributes becomes one text element of fixed width, so that the picture
does not depend on the viewer's font.
"""

import html
import re
import sys
import unicodedata

CELL_W, CELL_H, MARGIN = 8.4, 18, 12
BASIC = ("#1c1c1c #d75f5f #87af5f #d7af5f #5f87d7 #af87d7 #5fafaf #d0d0d0 "
         "#6c6c6c #ff8787 #afd787 #ffd787 #87afff #d7afff #87d7d7 #ffffff").split()
FOREGROUND, BACKGROUND = "#d0d0d0", "#1c1c1c"
PLAIN = {"fg": None, "bg": None, "bold": False, "dim": False, "italic": False, "underline": False, "reverse": False}
SWITCHES = {1: ("bold", True), 2: ("dim", True), 3: ("italic", True), 4: ("underline", True), 7: ("reverse", True),
            23: ("italic", False), 24: ("underline", False), 27: ("reverse", False)}


def indexed(n):
    if n < 16:
        return BASIC[n]
    if n >= 232:
        return "#%02x%02x%02x" % ((8 + 10 * (n - 232),) * 3)
    n -= 16
    return "#%02x%02x%02x" % tuple(0 if v == 0 else 55 + 40 * v for v in (n // 36, n // 6 % 6, n % 6))


def extended(values):
    """What follows 38 or 48: a colour."""
    kind = values.pop(0)
    if kind == 5:
        return indexed(values.pop(0))
    return "#%02x%02x%02x" % (values.pop(0), values.pop(0), values.pop(0))


def apply_sgr(style, parameters):
    values = [int(v or 0) for v in re.split("[;:]", parameters)]
    while values:
        v = values.pop(0)
        if v == 0:
            style.update(PLAIN)
        elif v in SWITCHES:
            style[SWITCHES[v][0]] = SWITCHES[v][1]
        elif v == 22:
            style.update(bold=False, dim=False)
        elif v in (38, 48):
            style["fg" if v == 38 else "bg"] = extended(values)
        elif v in (39, 49):
            style["fg" if v == 39 else "bg"] = None
        elif 30 <= v % 60 <= 37 or 40 <= v % 60 <= 47:
            style["bg" if v // 10 in (4, 10) else "fg"] = BASIC[v % 10 + (8 if v >= 90 else 0)]
        else:
            raise ValueError("SGR %d is not known" % v)


def width(ch):
    return 0 if unicodedata.combining(ch) else 2 if unicodedata.east_asian_width(ch) in "WF" else 1


def runs(line, style):
    """(column, cells, text, style) of a line; style goes on into the next line."""
    column = 0
    for part in re.split("(\x1b\\[[0-9;:]*m)", line):
        if part.startswith("\x1b["):
            apply_sgr(style, part[2:-1])
        elif part:
            if not part.isprintable():
                raise ValueError("not a captured screen: %r" % part)
            cells = sum(map(width, part))
            yield column, cells, part, dict(style)
            column += cells


def draw(column, row, cells, text, style):
    fg, bg = style["fg"] or FOREGROUND, style["bg"]
    if style["reverse"]:
        fg, bg = bg or BACKGROUND, fg
    x, y = MARGIN + column * CELL_W, MARGIN + row * CELL_H
    if bg:
        yield '<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>' % (x, y, cells * CELL_W, CELL_H, bg)
    # Without the blanks around it: some viewers drop them and stretch the rest over their place.
    inner = text.strip(" ")
    if inner:
        x += (len(text) - len(text.lstrip(" "))) * CELL_W
        cells -= len(text) - len(inner)
        extra = ' font-weight="bold"' if style["bold"] else ""
        extra += ' opacity="0.6"' if style["dim"] else ""
        extra += ' font-style="italic"' if style["italic"] else ""
        extra += ' text-decoration="underline"' if style["underline"] else ""
        yield '<text x="%.1f" y="%.1f" textLength="%.1f" fill="%s"%s>%s</text>' % (
            x, y + CELL_H * 0.75, cells * CELL_W, fg, extra, html.escape(inner, quote=False).replace(" ", "\u00a0"))


def svg(screen, title):
    lines = screen.rstrip("\n").split("\n")
    style, shapes, columns = dict(PLAIN), [], 0
    for row, line in enumerate(lines):
        for column, cells, text, run_style in runs(line, style):
            columns = max(columns, column + cells)
            shapes += draw(column, row, cells, text, run_style)
    w, h = columns * CELL_W + 2 * MARGIN, len(lines) * CELL_H + 2 * MARGIN
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.1f %d" role="img">' % (w, h),
                      "<title>%s</title>" % html.escape(title),
                      '<rect width="100%%" height="100%%" rx="6" fill="%s"/>' % BACKGROUND,
                      '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">', *shapes, "</g>", "</svg>", ""])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: screenshot.py FILE")
    with open(sys.argv[1], encoding="utf-8") as f:
        sys.stdout.write(svg(f.read(), "ccvm-tui"))
