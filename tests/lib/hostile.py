"""Output made to harm terminals, as a guest may write it: what has broken others, by name, and random sequences. And what may come
of it: the answers a program can be given, and what ccvm-tui itself writes to its terminal."""

import random
import re

NAMED = (
    ("CVE-2003-0063 xterm: the title is typed", b"\x1b]0;touch /tmp/x\r\x07\x1b[21t\x1b[20t"),
    ("CVE-2008-2383 xterm: DECRQSS is typed", b"\x1bP$q\n" + b"id\n" * 200 + b"\x1b\\"),
    ("CVE-2020-9366 screen: OSC 49", b"\x1b]49;" + b"a" * 20000 + b"\x07"),
    ("CVE-2020-27347 tmux: colons in SGR", b"\x1b[38" + b":9" * 5000 + b"m\x1b[" + b":" * 5000 + b"m"),
    ("CVE-2021-26937 screen: combining characters", b"a" + b"\xcc\x80\xdf\x80\xe1\x85\xa0" * 5000 + b"b"),
    ("CVE-2021-27135 xterm: wide and combining", b"\xe4\xb8\xad" + b"\xcc\x81\xe3\x82\x99" * 5000 + b"\xe4\xb8\xad"),
    ("CVE-2021-33477 rxvt: ESC G Q", b"\x1bGQ\n" + b"id\n" * 200 + b"\x1bGQ"),
    ("CVE-2022-45063 xterm: the font's name", b"\x1b]50;i$(touch /tmp/x)\x07\x1b]50;?\x07"),
    ("CVE-2022-45872 iTerm2: DECRQSS", b"\x1bP$qm\n" + b"id\n" * 200 + b"\x1b\\"),
    ("CVE-2024-38396 iTerm2: title and tmux mode", b"\x1b]2;\nid\n\x07\x1b[21t\x1bP1000p" + b"%begin 1 1 1\n" * 200 + b"\x1b\\\x1b[20t"),
    ("the clipboard, written and read", b"\x1b]52;c;dG91Y2ggL3RtcC94\x07\x1b]52;c;?\x07"),
    ("notifications", b"\x1b]9;id\x07\x1b]777;notify;id;id\x07\x1b]99;;id\x1b\\"),
    ("links with controls", b"\x1b]8;;http://x/\x9b5n\x1b\\a\x1b]8;;http://x/\x07b\x1b]8;;\x1b\\"),
    ("pictures: sixel, kitty, iTerm2", b"\x1bPq#0;2;0;0;0~-\x1b\\\x1b_Gf=24,s=1,v=1;AAAA\x1b\\\x1b]1337;File=inline=1:AAAA\x07"),
    ("what asks for answers", b"\x1b[c\x1b[>c\x1b[=c\x1b[5n\x1b[6n\x1b[?6n\x1b[>q\x1b[?u\x1b[18t\x1b[?2026$p\x1b]10;?\x07\x1b]4;1;?\x07\x05\x1bP+q544e\x1b\\"),
    ("modes", b"\x1b[?1000h\x1b[?1003h\x1b[?1006h\x1b[?1004h\x1b[?2004h\x1b[?1049h\x1b[?5h\x1b[?3h\x1b[?2026h\x1b[>31u\x1b="),
    ("C1 controls as bytes and as UTF-8", b"\x9b5n\x9d2;id\x9c\xc2\x9b5n\xc2\x9d2;id\xc2\x9c\x90q\x9c"),
    ("bells", b"\x07" * 5000),
)

PIECES = [p.encode() for p in (
    "\033[", "\033]", "\033P", "\033_", "\033", "\033\\", "\007", ";", ":", "?", ">", "=", "$", "0", "1", "5", "99", "65535", "h", "l", "m", "H", "J",
    "K", "r", "s", "u", "b", "@", "P", "L", "M", "S", "T", "X", "n", "c", "t", "q", "1049", "2026", "1003", "1006", "\r\n", "\n", "\t", "\b", "\033(0",
    "\033D", "\033M", "\033c", "中", "\u0301", "🙂", "\u200d", "\u061c", "\u200f", "\u202e", "\u0085", "8;;http://a/", "0;t", "52;c;aWQ=", "38;5;", "48:2:", " q", "hello")]

# src/term/seq.c has the list; focus reports come with the mode a program asks for.
ANSWERS = re.compile(rb"(?:\x1b\[\?\d+;[0124]\$y|\x1b\[0n|\x1b\[\??\d+;\d+R|\x1b\[>1;10;0c|\x1b\[\?62;22c|\x1b\[8;\d+;\d+t|\x1bP>\|ccvm\x1b\\"
                     rb"|\x1b\[\?[01]u|\x1b\[[IO]|\x1bP!\|00000000\x1b\\|\x1b\](?:4;\d+|1[012]);rgb:[0-9a-f]{4}(?:/[0-9a-f]{4}){2}\x1b\\"
                     rb"|\x1bP[01](?:\+r(?:[0-9a-f]+=[0-9a-f]+)?|\$r(?:\d+;\d+r|\d q)?)\x1b\\)*")

# No text: controls, and what turns the direction of the text beside it or ends its line.
BAD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
STYLES = re.compile("\x1b\\[[\\d;:]*m|\x1b\\]8;;[\x21-\x7e]*\x1b\\\\")

# Of tmux-256color's description, which ncurses follows, and of ccvm-tui's own (src/ui/paint.c).
OWN = re.compile(r"(?P<text>[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+)|(?P<control>[\r\n\b\t\x07\x0e\x0f])|\x1b[=>78M]|\x1b[()][0AB]"
                 r"|\x1b\[(?:\d+(?:;\d+)*)?[ABCDGHJKLMPSTX@bdrm]|\x1b\[(?:4|34)[hl]|\x1b\[\?(?:1|12|25|1002|1006|1049|2004)[hl]"
                 r"|\x1b\](?P<osc>[^\x00-\x1f\x7f-\x9f]*)\x07")


def random_bytes(size, seed):
    """Half of it pieces of sequences, so that many are whole."""
    rng, out = random.Random(seed), bytearray()
    while len(out) < size:
        out += rng.choice(PIECES) if rng.random() < 0.5 else rng.randbytes(1)
    return bytes(out)


def bytes_of_all(size=200000, seed=1):
    named = b"".join(data for _, data in NAMED)
    return named + random_bytes(size // 2, seed) + b"\x18\x1b\\" + named + random_bytes(size // 2, seed + 1)


def own_output(data):
    """([OSC texts], bells) of what ccvm-tui wrote; raises AssertionError at the first thing it has no reason to write."""
    text, at, oscs, bells = data.decode(), 0, [], 0
    while at < len(text):
        m = OWN.match(text, at)
        assert m, "ccvm-tui wrote %r, behind %r" % (text[at:at + 40], text[max(0, at - 60):at])
        if m["osc"] is not None:
            oscs.append(m["osc"])
        bells += m["control"] == "\x07"
        at = m.end()
    return oscs, bells
