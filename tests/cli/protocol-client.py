# SPDX-License-Identifier: MIT
"""
A client of published memory, written from docs/PROTOCOL.md and nothing else: the document is enough. It prints what came:

    protocol-client.py SOCKET NAME [count=N] [have=NUMBER] [limit=BYTES] [descriptors=N]

    taken NUMBER SIZE SHA256 LABEL      refused NUMBER WHY      closed WHY      status N      gone

It has room for no more than so many descriptors. All generations stay mapped, and are the same at the end.
"""

import array
import fcntl
import hashlib
import mmap
import os
import resource
import socket
import stat
import struct
import sys

LAYOUT = struct.Struct("<8sIIQQII248s96s")
MAGIC = b"sealgen\x01"
SUBSCRIBE, TAKEN, GENERATION, REFUSED = 1, 2, 16, 17
ROOM = LAYOUT.size, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC
FINAL, DOUBTFUL = 8 | 4 | 2, 16 | 32


class Broken(Exception):
    """The other end does not keep to the protocol."""


class Unfit(Exception):
    """A generation that is not safe to map."""


def text(field, most):
    value, end, _ = field.partition(b"\0")
    if not end or len(value) > most or any(byte < 0x20 or byte == 0x7F for byte in value):
        raise Broken("a text")
    return value


def decode(data):
    if len(data) != LAYOUT.size or data[:8] != MAGIC:
        raise Broken("no message")
    _, kind, status, number, _, _, _, name, label = LAYOUT.unpack(data)
    return kind, status, number, text(name, 240), text(label, 95)


def mapped(fd, size):
    try:
        return mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ)
    except PermissionError:
        with open(f"/proc/self/fd/{fd}", "rb") as reader:
            return mmap.mmap(reader.fileno(), size, mmap.MAP_SHARED, mmap.PROT_READ)


def accepted(fd, limit):
    """The bytes of a generation, which nobody can change any more."""
    try:
        seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
        if seals & FINAL != FINAL or seals & DOUBTFUL == DOUBTFUL:
            raise Unfit("seals")
        file, page = os.fstat(fd), os.fstatvfs(fd).f_bsize
        if not stat.S_ISREG(file.st_mode) or file.st_size > limit:
            raise Unfit("size")
        if page > mmap.PAGESIZE and (file.st_size == 0 or file.st_size % page != 0):
            raise Unfit("huge pages")
        return mapped(fd, file.st_size) if file.st_size > 0 else b""
    except OSError as error:
        raise Unfit(error.strerror) from error


class Client:
    """One connection, and one name."""

    def __init__(self, address, name, have, limit):
        self.name, self.have, self.limit, self.kept = name, have, limit, []
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.connection.settimeout(60)
        self.connection.connect(address)
        self.say(SUBSCRIBE, have)

    def say(self, kind, number, status=0):
        try:
            self.connection.send(LAYOUT.pack(MAGIC, kind, status, number, 0, 0, 0, self.name, b""))
        except (BrokenPipeError, ConnectionResetError):
            pass  # what the publisher has sent before is still there

    def take(self, data, flags, fds):
        kind, status, number, name, label = decode(data)
        if flags & socket.MSG_TRUNC or kind not in (GENERATION, REFUSED):
            raise Broken("no answer to what was asked")
        if kind == REFUSED and not fds and name in (self.name, b""):
            return f"status {status}", True
        if name != self.name or kind == REFUSED or len(fds) != (0 if flags & socket.MSG_CTRUNC else 1):
            raise Broken("no generation that was asked for")
        if number <= self.have:
            raise Broken("a number that does not grow")
        try:
            if not fds:
                raise Unfit("no room for the descriptor")
            memory = accepted(fds[0], self.limit)
        except Unfit as why:
            self.say(TAKEN, number, status=1)
            return f"refused {number} {why}", False
        self.have = number
        self.say(TAKEN, number)
        digest = hashlib.sha256(memory).hexdigest()
        self.kept.append((memory, digest))
        return f"taken {number} {len(memory)} {digest} {label.decode(errors='replace')}", False

    def next(self):
        """What came next, as a line, and whether it is the end."""
        try:
            data, control, flags, _ = self.connection.recvmsg(*ROOM)
        except ConnectionResetError:
            data, control, flags, _ = self.connection.recvmsg(*ROOM)
        fds = array.array("i")
        for level, kind, value in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(value[: len(value) // 4 * 4])
        try:
            return self.take(data, flags, fds) if data else ("gone", True)
        except Broken as why:
            self.connection.close()
            return f"closed {why}", True
        finally:
            for fd in fds:
                os.close(fd)


def main(address, name, *options):
    chosen = {"count": 1, "have": 0, "limit": 1 << 30, "descriptors": 1024}
    chosen |= {key: int(value) for key, value in (option.split("=") for option in options)}
    client = Client(address, os.fsencode(name), chosen["have"], chosen["limit"])
    resource.setrlimit(resource.RLIMIT_NOFILE, (chosen["descriptors"], chosen["descriptors"]))
    for _ in range(chosen["count"]):
        line, ended = client.next()
        print(line, flush=True)
        if ended:
            break
    assert all(hashlib.sha256(memory).hexdigest() == digest for memory, digest in client.kept)


main(*sys.argv[1:])
