# SPDX-License-Identifier: MIT
"""
Plays the manager of services: makes a socket, starts a command with it as systemd does, keeps what the command stores, and
prints what the command says by sd_notify(3), a line each.

    manager.py SOCKET TYPE COMMAND...

TYPE is seqpacket, stream, two (of seqpacket) or none. It ends with the status of the command. SIGTERM and SIGHUP go to the
command. If the command is killed by SIGKILL, it starts again, with what was stored. SIGUSR1 prints the titles of that.

STORED in the environment has what is stored before the first start: KIND:TITLE, separated by blanks. KIND is sealed (the
bytes "sealed bytes"), part (without F_SEAL_WRITE), open (not sealed), empty, pipe, file or socket.
"""

import array
import ctypes
import fcntl
import os
import signal
import socket
import sys
import tempfile
import threading
import warnings

F_ADD_SEALS, WRITE, GROW, SHRINK = 1033, 8, 4, 2
PR_SET_PDEATHSIG = 1
SYS_KCMP = {"x86_64": 312}.get(os.uname().machine, 272)

store = []  # pairs of a title and a descriptor
synchronised = threading.Semaphore(0)


def memory(seals, content=b"sealed bytes"):
    fd = os.memfd_create("stored", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, content)
    fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


def file():
    with tempfile.TemporaryFile() as opened:
        return os.dup(opened.fileno())


KINDS = {
    "sealed": lambda: memory(WRITE | GROW | SHRINK),
    "part": lambda: memory(GROW | SHRINK),
    "open": lambda: memory(0),
    "empty": lambda: memory(WRITE | GROW | SHRINK, b""),
    "pipe": lambda: os.pipe()[0],
    "file": file,
    "socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).detach(),
}


def listening(path, kind):
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if kind == "stream" else socket.SOCK_SEQPACKET)
    made.bind(path)
    made.listen()
    return made.detach()


def start(sockets, command, address):
    given = [("clients", fd) for fd in sockets] + store
    # The child executes a program soon, so it does not mind that the other thread is gone.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    child = os.fork()
    if child:
        return child
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.pop("STORED", None)
    os.environ["NOTIFY_SOCKET"] = address
    if given:
        # Out of the way first.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for _, fd in given]
        for number, fd in enumerate(high):
            os.dup2(fd, 3 + number)
        titles = ":".join(title for title, _ in given)
        os.environ.update(LISTEN_FDS=str(len(given)), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=titles)
    os.execv(command[0], command)


def is_stored(fd):
    """As systemd does, it keeps an open file once, whatever its title."""
    same = ctypes.CDLL(None).syscall
    return any(same(SYS_KCMP, os.getpid(), os.getpid(), 0, fd, other) == 0 for _, other in store)


def obey(lines, fds):
    title = next((line[7:] for line in lines if line.startswith("FDNAME=")), "stored")
    if "FDSTOREREMOVE=1" in lines:
        store[:] = [kept for kept in store if kept[0] != title]
    if "FDSTORE=1" in lines:
        assert len(fds) == 1 and len(title) <= 255 and ":" not in title
        if not is_stored(fds[0]):
            store.append((title, fds[0]))


def listen(heard):
    while True:
        text, control, _, _ = heard.recvmsg(4096, socket.CMSG_SPACE(64), socket.MSG_CMSG_CLOEXEC)
        if text == b"synchronise":
            synchronised.release()
            continue
        fds = array.array("i")
        for _, _, data in control:
            fds.frombytes(data)
        lines = text.decode().split("\n")
        obey(lines, fds)
        for line in lines:
            print(line, flush=True)


def synchronise(address):
    """Waits until all is heard that was said before."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.sendto(b"synchronise", address)
    synchronised.acquire()


def main(path, kind, *command):
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    address = "\0sealmem-test-" + str(os.getpid())
    heard.bind(address)
    for given in os.environ.get("STORED", "").split():
        made, title = given.split(":")
        store.append((title, KINDS[made]()))
    paths = {"none": [], "two": [path, path + ".second"]}.get(kind, [path])
    sockets = [listening(path, kind) for path in paths]
    threading.Thread(target=listen, args=(heard,), daemon=True).start()
    signal.signal(signal.SIGUSR1, lambda *_: print("store", *sorted(title for title, _ in store), flush=True))
    while True:
        child = start(sockets, command, "@" + address[1:])
        for number in signal.SIGTERM, signal.SIGHUP:
            signal.signal(number, lambda number, _, child=child: os.kill(child, number))
        print("started", child, flush=True)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        synchronise(address)
        if status != -signal.SIGKILL:
            return status


sys.exit(main(*sys.argv[1:]))
