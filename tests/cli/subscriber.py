# SPDX-License-Identifier: MIT
"""
A client of `sealmem serve` that shares nothing with the library: it follows docs/PROTOCOL.md. It prints a line for each
generation of one name: its number, the number of its file, and its bytes.

    subscriber.py SOCKET NAME [COUNT]

It exits with 0 after COUNT generations, 1 if it is refused, and 2 when the publisher has gone.
"""

import array
import fcntl
import mmap
import os
import socket
import struct
import sys

LAYOUT = struct.Struct("<8sIIQQII248s96s")
MAGIC = b"sealgen\x01"
SEALS = 8 | 4 | 2
SUBSCRIBE, TAKEN, GENERATION, REFUSED = 1, 2, 16, 17


def say(connection, kind, name, generation=0):
    try:
        connection.send(LAYOUT.pack(MAGIC, kind, 0, generation, 0, 0, 0, name, b""))
    except (BrokenPipeError, ConnectionResetError):
        pass  # what the publisher said before it closed the connection is still there


def receive(connection):
    try:
        return connection.recvmsg(LAYOUT.size, socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return connection.recvmsg(LAYOUT.size, socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC)


def hear(connection):
    data, control, _, _ = receive(connection)
    fds = array.array("i")
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(value[: len(value) // 4 * 4])
    if not data:
        sys.exit(2)
    magic, kind, status, generation, *_ = LAYOUT.unpack(data)
    assert magic == MAGIC and len(fds) == (kind == GENERATION)
    return kind, status, generation, fds[0] if fds else -1


def content(fd):
    assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) & SEALS == SEALS
    with mmap.mmap(fd, os.fstat(fd).st_size, mmap.MAP_SHARED, mmap.PROT_READ) as memory:
        return bytes(memory)


def main(path, name, count="1"):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(path)
    say(connection, SUBSCRIBE, name.encode())
    have = 0
    for _ in range(int(count)):
        kind, status, generation, fd = hear(connection)
        if kind == REFUSED:
            print("refused", status)
            return 1
        assert generation > have
        have = generation
        print(generation, os.fstat(fd).st_ino, content(fd).decode(errors="replace"), flush=True)
        os.close(fd)
        say(connection, TAKEN, name.encode(), generation)
    return 0


sys.exit(main(*sys.argv[1:]))
