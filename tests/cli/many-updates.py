# SPDX-License-Identifier: MIT
"""
Replaces a served file so many times, and waits each time for the program that `sealmem run --on-update HUP` has started to read
it. Prints how many descriptors and mappings sealmem has more at the end than after the first ten, and its children.

    many-updates.py COUNT SERVER FILE COMMAND [ARGUMENT...]
"""

import os
import signal
import subprocess
import sys


def count(process):
    with open(f"/proc/{process.pid}/maps", encoding="utf-8") as maps:
        return len(os.listdir(f"/proc/{process.pid}/fd")), len(maps.readlines())


def children(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as file:
        return len(file.read().split())


def replace(server, file, text):
    with open(file + ".new", "w", encoding="utf-8") as new:
        new.write(text)
    os.rename(file + ".new", file)
    os.kill(server, signal.SIGHUP)


def main(most, server, file, *command):
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while not process.stdout.readline().startswith("ready"):
            pass
        for i in range(int(most)):
            replace(int(server), file, f"generation {i}")
            while process.stdout.readline() != f"HUP generation {i}\n":
                pass
            if i == 10:
                fds, maps = count(process)
        more = count(process)
        print("descriptors", more[0] - fds, "mappings", more[1] - maps, "children", children(process))
        process.terminate()
        process.stdout.read()


main(*sys.argv[1:])
