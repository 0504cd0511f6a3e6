# SPDX-License-Identifier: MIT
"""The ratios by size, drawn by gnuplot."""

import subprocess

SIZES = {"32B": 32, "4K": 4096, "64K": 1 << 16, "1M": 1 << 20, "16M": 1 << 24, "1G": 1 << 30}
SHOWN = ["plain", "sealmem-from-bytes", "sealmem-in-place", "calls", "memfd-private", "mseal", "libsodium"]

HEAD = """
set terminal svg size 800,480 font "sans-serif,13" background "{background}"
set output "{path}"
set title "Time until an object is sealed, over mmap, write and mprotect (1 is the same time)" textcolor rgb "{ink}"
set xlabel "size of the object" textcolor rgb "{ink}"
set ylabel "ratio of times: less is faster" textcolor rgb "{ink}"
set border linecolor rgb "{ink}"
set tics textcolor rgb "{ink}"
set logscale x 2
set xrange [16:2**31]
set yrange [0:4]
set grid
set key outside right textcolor rgb "{ink}"
set xtics ("32" 32, "4 KiB" 4096, "64 KiB" 65536, "1 MiB" 2**20, "16 MiB" 2**24, "1 GiB" 2**30)
"""


def points(results, contestant):
    """(size, ratio) for each measured size."""
    for key, size in SIZES.items():
        for row in results["cases"].get(key, []):
            if row["contestant"] == contestant and "sealed" in row:
                yield size, row["sealed"]["ratio"]


INK, PAPER = "#212529", "#ffffff"

# gnuplot writes a colour in three ways.
DARK = """<style>@media (prefers-color-scheme: dark) {
[fill="#ffffff"] { fill: #0d1117 }
[fill="rgb(33,37,41)"] { fill: #e6edf3 }
[stroke="rgb( 33,  37,  41)"] { stroke: #e6edf3 }
}</style>
"""


def add_dark_theme(path):
    """One picture for both: a viewer that prefers a dark page gets the colours of such a page."""
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<defs>", DARK + "<defs>", 1), encoding="utf-8")


def draw(results, path):
    drawn = {name: list(points(results, name)) for name in SHOWN}
    drawn = {name: found for name, found in drawn.items() if found}
    if not drawn:
        return
    script = HEAD.format(path=path, ink=INK, background=PAPER)
    for i, (name, found) in enumerate(drawn.items()):
        script += f"$data{i} << end\n" + "".join(f"{size} {ratio}\n" for size, ratio in found) + "end\n"
    lines = [f'$data{i} with linespoints linewidth 2 title "{name}"' for i, name in enumerate(drawn)]
    subprocess.run(["gnuplot"], input=script + "plot " + ", ".join(lines) + "\n", text=True, check=True)
    add_dark_theme(path)
