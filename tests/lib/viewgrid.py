"""A VIEW_FRAME (src/proto/view.h) and tmux's capture-pane -e as the same grid of cells: {"ch", "fg", "bg", "attrs"}."""

import re
import struct

ATTRS = {1 << 0: "bold", 1 << 1: "dim", 1 << 2: "italic", 1 << 3: "underline", 2 << 3: "underline2", 3 << 3: "underline3",
         1 << 5: "blink", 1 << 6: "reverse", 1 << 7: "strike", 1 << 8: "conceal"}
MODES = {0: "cursor", 1: "alternate"}
WIDE, LINKED = 1 << 9, 1 << 11
# VT100's line drawing set, from '`' to '~'.
LINES = dict(zip(range(0x60, 0x7f), "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"))
SGR = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 5: "blink", 7: "reverse", 8: "conceal", 9: "strike", 53: "overline"}


def cell(ch=" ", fg=None, bg=None, attrs=frozenset()):
    ch = "" if ch == "" else ch or " "
    visible = ch != " " or attrs & {"underline", "underline2", "underline3", "reverse", "strike"}
    return (ch, fg if visible else None, bg, frozenset(attrs) if visible else frozenset())


def clusters(text):
    """Characters, each with the combining ones behind it."""
    return re.findall(r".[\u0300-\u036f\u3099\u200b\u200d\ufe0e\ufe0f]*", text, re.S)


def colour(value):
    kind, rest = value >> 24, value & 0xffffff
    return None if kind == 0 else rest if kind == 1 else "#%06x" % rest


def attributes(bits):
    names = {name for bit, name in ATTRS.items() if bit & ~0x18 and bits & bit}
    line = bits & 0x18
    return frozenset(names | ({ATTRS[line]} if line else set()))


class Frame:
    """One whole frame: .cols, .rows, .cursor (row, col), .modes, .title, .cells, .links {(row, col): URI}."""

    def __init__(self, data):
        self.gen, self.top, self.first, self.cols, self.rows, *cursor, modes, self.shape, _, n = \
            struct.unpack("<QQQHHHHHBBH", data[1:39])
        self.cursor, self.modes = tuple(cursor), {name for bit, name in MODES.items() if modes & 1 << bit}
        self.title = data[39:39 + n].decode()
        self.data, self.at = data, 39 + n
        self.cells = [[cell()] * self.cols for _ in range(self.rows)]
        ids = {}
        for _ in range(self.take("<H")):
            self.row(ids)
        uris = {}
        for _ in range(self.take("<H")):
            number, length = self.take("<I"), self.take("<H")
            uris[number] = data[self.at:self.at + length].decode()
            self.at += length
        assert self.at == len(data), "%d bytes left" % (len(data) - self.at)
        self.links = {at: uris.get(number) for at, number in ids.items()}

    def take(self, fmt):
        value, = struct.unpack_from(fmt, self.data, self.at)
        self.at += struct.calcsize(fmt)
        return value

    def row(self, ids):
        row, col = self.take("<H"), 0
        for _ in range(self.take("<H")):
            fg, bg, attr, count, n = (self.take(f) for f in ("<I", "<I", "<H", "<H", "<H"))
            link = self.take("<I") if attr & LINKED else 0
            text = self.data[self.at:self.at + n].decode()
            self.at += n
            for ch in [text] if count == 1 else text:
                for part in [ch, ""] if attr & WIDE else [ch]:
                    self.cells[row][col] = cell(part, colour(fg), colour(bg), attributes(attr))
                    if link:
                        ids[row, col] = link
                    col += 1


class Captured:
    """What tmux printed for `capture-pane -e -p -N`: attributes go on from line to line."""

    def __init__(self, text, cols, rows):
        self.fg = self.bg = None
        self.attrs, self.drawing = set(), False
        lines = (text.split("\n") + [""] * rows)[:rows]
        self.cells = [self.line(line, cols) for line in lines]

    def line(self, text, cols):
        out = []
        for ch in re.findall(r"\033\[[\d;:]*m|\033\]8;.*?\033\\|[\x0e\x0f]|.[\u0300-\u036f\u3099\u200b\u200d\ufe0e\ufe0f]*", text):
            if ch.startswith("\033["):
                self.sgr(ch[2:-1])
            elif ch in "\x0e\x0f":
                self.drawing = ch == "\x0e"
            elif not ch.startswith("\033"):
                out += self.character(ch)
        return (out + [cell()] * cols)[:cols]

    def character(self, ch):
        shown = LINES.get(ord(ch), ch) if self.drawing and len(ch) == 1 else ch
        made = [cell(shown, self.fg, self.bg, frozenset(self.attrs))]
        return made + [cell("", self.fg, self.bg, frozenset(self.attrs))] * (width(ch) - 1)

    def sgr(self, text):
        numbers = [[int(n or 0) for n in part.split(":")] for part in text.split(";")]
        while numbers:
            n = numbers.pop(0)
            if n[0] in (38, 48, 58):
                value = self.extended(n, numbers)
                if n[0] != 58:
                    setattr(self, "fg" if n[0] == 38 else "bg", value)
            elif n[0] == 4 and len(n) > 1:
                self.attrs.add("underline" + ("" if n[1] == 1 else str(n[1])))
            elif n[0] == 0:
                self.fg, self.bg, self.attrs = None, None, set()
            elif n[0] in SGR:
                self.attrs.add(SGR[n[0]])
            elif n[0] == 21:
                self.attrs.add("underline2")
            elif 30 <= n[0] <= 37 or 90 <= n[0] <= 97:
                self.fg = n[0] % 10 + (8 if n[0] >= 90 else 0)
            elif 40 <= n[0] <= 47 or 100 <= n[0] <= 107:
                self.bg = n[0] % 10 + (8 if n[0] >= 100 else 0)
            elif n[0] in (39, 49):
                setattr(self, "fg" if n[0] == 39 else "bg", None)

    @staticmethod
    def extended(n, numbers):
        rest = n[1:] if len(n) > 1 else [numbers.pop(0)[0]]
        while len(rest) < (2 if rest[0] == 5 else 4):
            rest.append(numbers.pop(0)[0])
        return rest[1] if rest[0] == 5 else "#%02x%02x%02x" % tuple(rest[-3:])


def width(ch):
    code = ord(ch[0])
    return 2 if 0x1100 <= code <= 0x115f or 0x2e80 <= code <= 0xa4cf or 0xac00 <= code <= 0xd7a3 or 0xff01 <= code <= 0xff60 \
        or 0x1f300 <= code <= 0x1faff else 1


def text(cells):
    return "|".join("".join(c[0] for c in row).rstrip() for row in cells).rstrip("|")


def styles(cells):
    """Each run of cells that are not plain."""
    out = []
    for r, row in enumerate(cells):
        for c, (ch, fg, bg, attrs) in enumerate(row):
            if fg is not None or bg is not None or attrs:
                out.append("%d,%d %r fg=%s bg=%s %s" % (r, c, ch, fg, bg, "+".join(sorted(attrs))))
    return out
