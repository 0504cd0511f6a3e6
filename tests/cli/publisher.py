# SPDX-License-Identifier: MIT
"""
A publisher that shares nothing with the library, and does what `sealmem serve` never does: it gives each client these generations
of the name, whatever their numbers and their bytes. It prints how the client took each: 0 yes, 1 no, or "gone". After
the first one it waits for SIGUSR1.

    publisher.py SOCKET NAME NUMBER=TEXT...
"""

import array
import fcntl
import os
import signal
import socket
import struct
import sys

LAYOUT = struct.Struct("<8sIIQQII248s96s")
MAGIC = b"sealgen\x01"
SUBSCRIBE, TAKEN, GENERATION = 1, 2, 16
SEALS = 1 | 2 | 4 | 8


def sealed(text):
    fd = os.memfd_create("published", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, text.encode())
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    return fd


def give(connection, name, number, text):
    fd = sealed(text)
    message = LAYOUT.pack(MAGIC, GENERATION, 0, number, len(text), 0, 0, name, b"")
    connection.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    os.close(fd)
    data = connection.recv(LAYOUT.size)
    print(number, LAYOUT.unpack(data)[2] if data else "gone", flush=True)


def give_all(connection, name, generations):
    for generation in generations:
        number, text = generation.split("=")
        give(connection, name.encode(), int(number), text)
        if generation == generations[0]:
            signal.sigwait({signal.SIGUSR1})


def main(path, name, *generations):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(path)
    listening.listen()
    print("ready", flush=True)
    while True:
        connection, _ = listening.accept()
        connection.recv(LAYOUT.size)
        try:
            give_all(connection, name, generations)
            connection.recv(LAYOUT.size)
        except (BrokenPipeError, ConnectionResetError):
            print("gone", flush=True)


main(*sys.argv[1:])
