"""Speaks to ccvm-term as ccvm-session does."""

import array
import os
import socket
import struct
import subprocess

VIEWER = struct.pack("<I", 1)


def frame(kind, payload=b""):
    return struct.pack("<IB", len(payload), ord(kind)) + payload


class Term:
    """A ccvm-term. .pid starts workers; .worker is the present one's socket."""

    def __init__(self, program, *args, **kw):
        self.control, theirs = socket.socketpair()
        self.control.settimeout(20)
        fd = theirs.fileno()
        self.popen = subprocess.Popen(["bash", "-c", 'exec "$0" "$@" 3<&%d %d<&-' % (fd, fd), program, *args] if fd != 3 else
                                      [program, *args],
                                      pass_fds=[fd], **kw)
        theirs.close()
        self.pid, self.buffer, self.worker = self.popen.pid, b"", None

    def next_worker(self):
        """Waits for a worker's socket."""
        if self.worker:
            self.worker.close()
        message, ancillary, _, _ = self.control.recvmsg(1, socket.CMSG_SPACE(4))
        assert message == b"n" and ancillary, "ccvm-term gave no worker"
        self.worker = socket.socket(fileno=array.array("i", ancillary[0][2][:4])[0])
        self.worker.settimeout(20)
        self.buffer = b""

    def send(self, kind, payload=b""):
        self.worker.sendall(frame(kind, payload))

    def take(self, kind):
        """The payload of the next frame of this kind."""
        while True:
            while len(self.buffer) >= 5:
                n, got = struct.unpack("<IB", self.buffer[:5])
                if len(self.buffer) < 5 + n:
                    break
                payload, self.buffer = self.buffer[5:5 + n], self.buffer[5 + n:]
                if chr(got) == kind:
                    return payload
            data = self.worker.recv(1 << 16)
            if not data:
                raise EOFError("the worker has ended")
            self.buffer += data

    def pull(self, since=0):
        """A frame's bytes, behind the viewer's number."""
        self.send("V", VIEWER + b"p" + struct.pack("<Q", since))
        return self.take("v")[4:]

    def close(self):
        if self.worker:
            self.worker.close()
        self.control.close()
        self.popen.kill()
        self.popen.wait()


def generation(data):
    return struct.unpack("<Q", data[1:9])[0]
