# SPDX-License-Identifier: MIT
"""
A publisher that shares nothing with the library: it is written from docs/PROTOCOL.md. It does what `sealmem serve` never
does: it gives each client these generations of the name, whatever their numbers and their bytes. It prints how the client
took each: 0 yes, 1 no, or "gone". After the first one it waits for SIGUSR1. With --in-turn, each client gets the next one
and no other.

    publisher.py SOCKET NAME [--in-turn] NUMBER[:FAULT]=TEXT...

A FAULT is a row of the tables below.
"""

import array
import fcntl
import itertools
import os
import signal
import socket
import struct
import sys

LAYOUT = struct.Struct("<8sIIQQII248s96s")
MAGIC = b"sealgen\x01"
SUBSCRIBE, TAKEN, LIST, GENERATION, REFUSED, ENTRY, END = 1, 2, 3, 16, 17, 18, 19
SEAL, SHRINK, GROW, WRITE, FUTURE_WRITE, EXEC = 1, 2, 4, 8, 16, 32
SEALS = SEAL | SHRINK | GROW | WRITE


def sealed(text, seals=SEALS):
    fd = os.memfd_create("published", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, text.encode())
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


# Descriptors in place of a sealed one.
DESCRIPTORS = {
    "none": lambda text: [],
    "two": lambda text: [sealed(text), sealed(text)],
    "three": lambda text: [sealed(text), sealed(text), sealed(text)],
    "unsealed": lambda text: [sealed(text, 0)],
    "writable": lambda text: [sealed(text, SEALS - WRITE)],
    "future": lambda text: [sealed(text, SEALS - WRITE | FUTURE_WRITE)],
    "growing": lambda text: [sealed(text, SEALS - GROW)],
    "shrinking": lambda text: [sealed(text, SEALS - SHRINK)],
    "doubtful": lambda text: [sealed(text, SEALS | FUTURE_WRITE | EXEC)],
    "file": lambda text: [os.open("/proc/self/exe", os.O_RDONLY)],
    "directory": lambda text: [os.open("/", os.O_RDONLY)],
    "device": lambda text: [os.open("/dev/zero", os.O_RDWR)],
}


def packed(name, number, text, kind=GENERATION, label=b""):
    clients = int(kind == ENTRY)
    return LAYOUT.pack(MAGIC, kind, 0, number, len(text), clients, clients, name, label)


# Messages in place of the right one.
MESSAGES = {
    "magic": lambda *right: b"S" + packed(*right)[1:],
    "version": lambda *right: packed(*right)[:7] + b"\2" + packed(*right)[8:],
    "short": lambda *right: packed(*right)[:-1],
    "long": lambda *right: packed(*right) + b"\0",
    "kind": lambda *right: packed(*right, kind=20),
    "client": lambda *right: packed(*right, kind=SUBSCRIBE),
    "refused": lambda *right: packed(*right, kind=REFUSED),
    "entry": lambda *right: packed(*right, kind=ENTRY),
    "other": lambda name, *right: packed(name + b"x", *right),
    "endless": lambda name, *right: packed(b"x" * 248, *right),
    "control": lambda *right: packed(*right, label=b"\x1b"),
}


def give(connection, name, number, fault, text):
    fds = DESCRIPTORS.get(fault, lambda text: [sealed(text)])(text)
    message = MESSAGES.get(fault, packed)(name, number, text)
    connection.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
    for fd in fds:
        os.close(fd)
    data = connection.recv(LAYOUT.size)
    print(number, LAYOUT.unpack(data)[2] if data else "gone", flush=True)


def split(generation):
    """The number, the fault or nothing, and the text."""
    head, text = generation.split("=")
    number, _, fault = head.partition(":")
    assert not fault or fault in DESCRIPTORS | MESSAGES, fault
    return int(number), fault, text


def give_all(connection, name, generations):
    for generation in generations:
        give(connection, name.encode(), *split(generation))
        if generation == generations[0]:
            signal.sigwait({signal.SIGUSR1})


def serve(connection, name, generations):
    data = connection.recv(LAYOUT.size)
    if data and LAYOUT.unpack(data)[1] == LIST:
        number, _, text = split(generations[0])
        connection.send(packed(name.encode(), number, text, ENTRY))
        connection.send(packed(b"", 0, "", END))
    elif data:
        give_all(connection, name, generations)
    connection.recv(LAYOUT.size)


def main(path, name, *generations):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(path)
    listening.listen()
    print("ready", flush=True)
    for turn in itertools.count(1):
        connection, _ = listening.accept()
        with connection:
            try:
                if generations[0] != "--in-turn":
                    serve(connection, name, generations)
                elif connection.recv(LAYOUT.size):
                    give(connection, name.encode(), *split(generations[turn]))
            except (BrokenPipeError, ConnectionResetError):
                print("gone", flush=True)


main(*sys.argv[1:])
