# SPDX-License-Identifier: MIT
"""
What a binding costs over C: the time to make a sealed region of 64 KiB from a buffer, read a byte of it, and free it. Each
is the median of rounds that alternate between the contestants, so that load of the machine meets all alike.

    cost.py PYTHON-PATH LIBRARY [REGIONS]

PYTHON-PATH is the directory of the built package.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

SIZE, ROUNDS = 65536, 15
INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include"
TIMED = """
#include <cstdio>
#include <cstdlib>
#include <ctime>
static double now() { timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return double(t.tv_sec) * 1e9 + double(t.tv_nsec); }
static char data[%d];
int main(int, char **argument)
{
	int count = atoi(argument[1]);
	volatile char seen;
	double before;
	for (int i = 0; i < 50; i++) { once }
	before = now();
	for (int i = 0; i < count; i++) { once }
	printf("%%f\\n", (now() - before) / count);
}
""" % SIZE
ONCE = {
    "C": 'sealmem_region *r; if (sealmem_region_new_from(&r, "cost", data, sizeof(data), SEALMEM_CONTENT)) return 1;'
    " seen = *(char *)sealmem_region_data(r); sealmem_region_free(r);",
    "C++": 'auto r = sealmem::region::from("cost", data, sizeof(data), sealmem::content);'
    " seen = char(r.bytes()[0]);",
}
PYTHON = f"""
import sys, time, sealmem
data = bytes({SIZE})
def run(count):
    make = sealmem.Region.from_bytes
    for _ in range(count):
        region = make("cost", data)
        view = memoryview(region)
        view[0]
        view.release()
        region.free()
run(50)
before = time.perf_counter_ns()
run(int(sys.argv[1]))
print((time.perf_counter_ns() - before) / int(sys.argv[1]))
"""


def build(place, name, once, library):
    source, program = place / f"{name}.cpp", place / name
    source.write_text("#include <sealmem.hpp>\n" + TIMED.replace("once", once), encoding="utf-8")
    options = ["-std=c++17", "-O2", "-I", INCLUDE, "-o", program, source, library, f"-Wl,-rpath,{library.parent}"]
    subprocess.run(["g++", *options], check=True)
    return [program]


def main():
    package, library = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    count = sys.argv[3] if len(sys.argv) > 3 else "2000"
    if not shutil.which("g++"):
        sys.exit("cost.py: g++ is not installed")
    environment = {**os.environ, "PYTHONPATH": package}
    with tempfile.TemporaryDirectory() as place:
        commands = {name: build(pathlib.Path(place), name, once, library) for name, once in ONCE.items()}
        commands["Python"] = [sys.executable, "-c", PYTHON]
        times = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                ran = subprocess.run([*command, count], capture_output=True, text=True, check=True, env=environment)
                times[name].append(float(ran.stdout))
    base = statistics.median(times["C"])
    for name, found in times.items():
        print(f"{name:8} {statistics.median(found) / 1000:8.2f} us  {statistics.median(found) / base:5.2f} x C")


main()
