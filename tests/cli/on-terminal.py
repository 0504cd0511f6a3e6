# SPDX-License-Identifier: MIT
"""
Runs a program on a terminal as an interactive shell does, in a process group of its own in the foreground, and types. The program
prints "ready" when it has its signals. Prints what came of it.

    on-terminal.py COMMAND [ARGUMENT...]
"""

import fcntl
import os
import signal
import sys
import termios
import time


def read_until(terminal, text):
    said = b""
    while text not in said:
        said += os.read(terminal, 4096)
    return said


def execute(terminal, argv):
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(terminal, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    for fd in range(3):
        os.dup2(terminal, fd)
    os.execvp(argv[0], argv)


def play(argv):
    os.setsid()
    signal.alarm(50)
    keyboard, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    pid = os.fork()
    if pid == 0:
        execute(terminal, argv)
    read_until(keyboard, b"ready")
    os.write(keyboard, b"\x03")
    said = read_until(keyboard, b"INT one")
    os.write(keyboard, b"\x1a")
    _, status = os.waitpid(pid, os.WUNTRACED)
    print("stopped", os.WIFSTOPPED(status))
    os.kill(pid, signal.SIGCONT)
    time.sleep(0.2)
    os.kill(pid, signal.SIGUSR1)
    said += read_until(keyboard, b"USR1 one")
    print("interrupts", said.count(b"INT"))
    print("foreground", os.tcgetpgrp(terminal) == pid)
    os.kill(pid, signal.SIGTERM)
    print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def main(argv):
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    play(argv)
    return 0


sys.exit(main(sys.argv[1:]))
