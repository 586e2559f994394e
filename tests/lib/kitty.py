"""A terminal that knows kitty's clipboard protocol (OSC 5522), around another one: kitty.py LOG PICTURE|deny PROGRAM... The program
runs in a terminal of its own; its questions are answered here, everything else passes."""

import base64
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import tty

QUESTION = re.compile(rb"\x1b\]5522;type=read;([A-Za-z0-9+/=]*)\x1b\\")


def osc(meta, data=b""):
    return b"\x1b]5522;type=read:" + meta + (b";" + base64.b64encode(data) if data else b"") + b"\x1b\\"


def answer(wanted, picture):
    if wanted != b"." and picture is None:
        return osc(b"status=EPERM")
    data = b"text/plain text/html image/png" if wanted == b"." else picture if wanted == b"image/png" else b""
    mime = b"status=DATA:mime=" + base64.b64encode(wanted)
    return osc(b"status=OK") + b"".join(osc(mime, data[i:i + 4096]) for i in range(0, len(data), 4096)) + osc(b"status=DONE")


def write(fd, data):
    while data:
        data = data[os.write(fd, data):]


def main():
    log, picture = sys.argv[1], None
    if sys.argv[2] != "deny":
        with open(sys.argv[2], "rb") as f:
            picture = f.read()
    pid, inner = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[3], sys.argv[3:])
    fcntl.ioctl(inner, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0)))
    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSANOW)  # what was typed already stays
    held, to_program = b"", b""
    while True:
        readable, writable, _ = select.select([0, inner], [inner] if to_program else [], [])
        try:
            if 0 in readable:
                to_program += os.read(0, 65536)
            if inner in writable:
                to_program = to_program[os.write(inner, to_program[:2048]):]
            data = os.read(inner, 65536) if inner in readable else b""
        except OSError:
            break
        if inner in readable and not data:
            break
        held += data
        while m := QUESTION.search(held):
            wanted = base64.b64decode(m[1])
            with open(log, "ab") as f:
                f.write(wanted + b"\n")
            to_program += answer(wanted, picture)
            held = held[:m.start()] + held[m.end():]
        begin = held.rfind(b"\x1b]5522;")
        write(1, held if begin < 0 else held[:begin])
        held = b"" if begin < 0 else held[begin:]
    termios.tcsetattr(0, termios.TCSADRAIN, before)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
