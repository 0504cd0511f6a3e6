# SPDX-License-Identifier: MIT
"""
Plays the manager of services: makes a socket, starts a command with it as systemd does, and prints what the command says by
sd_notify(3), a line each.

    manager.py SOCKET TYPE COMMAND...

TYPE is seqpacket, stream or none. It ends with the status of the command. SIGTERM and SIGHUP go to the command.
"""

import os
import signal
import socket
import sys
import threading


def start(path, kind, command, address):
    child = os.fork()
    if child:
        return child
    os.environ["NOTIFY_SOCKET"] = address
    if kind != "none":
        clients = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET if kind == "seqpacket" else socket.SOCK_STREAM)
        clients.bind(path)
        clients.listen()
        os.dup2(clients.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="clients")
    os.execv(command[0], command)


def listen(heard):
    while True:
        for line in heard.recv(4096).decode().split("\n"):
            print(line, flush=True)


def main(path, kind, *command):
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    address = "\0sealmem-test-" + str(os.getpid())
    heard.bind(address)
    child = start(path, kind, command, "@" + address[1:])
    for number in signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, lambda number, _: os.kill(child, number))
    threading.Thread(target=listen, args=(heard,), daemon=True).start()
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status)


sys.exit(main(*sys.argv[1:]))
