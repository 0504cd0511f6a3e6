# SPDX-License-Identifier: MIT
"""
A program that reads a file again and again: once at its start, and at each signal. It prints a line each time: why, and the
bytes. SIGTERM ends it with status 7, unless it is told to ignore that.

    updated.py PATH [--ignore-term] [--late SECONDS] [--map]
"""

import mmap
import os
import signal
import sys
import time

path, options = sys.argv[1], sys.argv[2:]
WORDS = {signal.SIGHUP: "HUP", signal.SIGUSR1: "USR1", signal.SIGUSR2: "USR2", signal.SIGWINCH: "WINCH"}
WORDS |= {signal.SIGINT: "INT", signal.SIGQUIT: "QUIT", signal.SIGALRM: "ALRM", signal.SIGRTMIN + 1: "RT"}


def say(why):
    with open(path, encoding="utf-8") as file:
        os.write(1, f"{why} {file.read().strip()}\n".encode())


def end(*_):
    os.write(1, b"end\n")
    os._exit(7)


say("start")
if "--late" in options:
    time.sleep(float(options[options.index("--late") + 1]))
if "--map" in options:
    with open(path, "rb") as file:
        memory = mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ)
for number, word in WORDS.items():
    signal.signal(number, lambda *_, word=word: say(word))
signal.signal(signal.SIGTERM, signal.SIG_IGN if "--ignore-term" in options else end)
if "--map" in options:
    signal.signal(signal.SIGUSR2, lambda *_: os.write(1, b"mapped " + memory[:]))

# A signal that comes just before signal.pause() would wait for the next one.
woken, wakes = os.pipe()
os.set_blocking(wakes, False)
signal.set_wakeup_fd(wakes)
os.write(1, f"ready {os.getpid()}\n".encode())
while True:
    os.read(woken, 1)
