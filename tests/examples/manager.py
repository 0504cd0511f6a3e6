# SPDX-License-Identifier: MIT
"""
Plays the service manager for the keeper example: starts it, keeps what it stores, starts it again with that. Looks for
the key in what was stored, before and after it was taken back.

    manager.py KEEPER
"""

import array
import mmap
import os
import signal
import socket
import sys
import tempfile

KEY = b"correct horse battery staple " * 7


class Manager:
    def __init__(self, program, directory):
        self.program = program
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(60)
        self.socket.bind(directory + "/notify")

    def start(self, stored=None, key=b""):
        """A keeper with the descriptor as number 3, as systemd passes it."""
        read, write = os.pipe()
        out_read, out_write = os.pipe()
        os.write(write, key)
        os.close(write)
        pid = os.fork()
        if pid == 0:
            os.dup2(read, 0)
            os.dup2(out_write, 1)
            environment = {**os.environ, "NOTIFY_SOCKET": self.socket.getsockname()}
            if stored is not None:
                os.dup2(stored, 3) if stored != 3 else os.set_inheritable(3, True)
                environment |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "key"}
            os.execve(self.program, [self.program], environment)
        os.close(read)
        os.close(out_write)
        return pid, os.fdopen(out_read)

    def message(self):
        text, control, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4))
        fds = array.array("i")
        for _, _, data in control:
            fds.frombytes(data)
        return text.decode(), fds[0] if fds else None


def expect(condition, what):
    if not condition:
        sys.exit(f"not so: {what}")


def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def ask(pid, output):
    os.kill(pid, signal.SIGUSR1)
    return output.readline()


def play(manager):
    pid, output = manager.start(key=KEY)
    expect(manager.message()[0] == "READY=1\nSTATUS=The key was unlocked.", "the first one unlocks its key")
    before = ask(pid, output)
    os.kill(pid, signal.SIGHUP)
    text, stored = manager.message()
    expect(text == "FDSTORE=1\nFDNAME=key" and stored is not None, "it stores its key")
    expect(status_of(pid) == 0, "it exits")
    seen = mmap.mmap(stored, os.fstat(stored).st_size)
    expect(seen.find(KEY) == 0, "the search finds the key in what was stored")

    pid, output = manager.start(stored)
    expect(manager.message()[0] == "FDSTOREREMOVE=1\nFDNAME=key", "the next one takes it back")
    expect(manager.message()[0] == "READY=1\nSTATUS=The key came back.", "and is ready")
    after = ask(pid, output)
    expect(len(before) == 9 and before == after, f"the key is the same: {before} {after}")
    expect(seen[:] == bytes(len(seen)), "what was stored is wiped")

    # What a mistaken manager does: it passes the same again.
    again, _ = manager.start(stored)
    expect(status_of(again) == 1, "what was taken back is refused")
    os.kill(pid, signal.SIGTERM)
    expect(status_of(pid) == 0, "it exits when it is told to")


def main():
    with tempfile.TemporaryDirectory() as directory:
        play(Manager(sys.argv[1], directory))


main()
