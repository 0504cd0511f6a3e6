# SPDX-License-Identifier: MIT
"""
What a binding costs over C: the time to make a sealed region of 64 KiB from a buffer, read a byte of it, and free it. It
is that of the fastest batch of 20, because load of the machine only adds; the contestants take turns.

    cost.py PYTHON-PATH LIBRARY [BATCHES]

PYTHON-PATH is the directory of the built package. NODE_PATH of the environment is that of the package of Node, which is
left out without it.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SIZE, ROUNDS, BATCH = 65536, 9, 20
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
	double least = 1e18;
	while (count-- > 0) {
		double before = now();
		for (int i = 0; i < %d; i++) { once }
		double took = (now() - before) / %d;
		least = took < least ? took : least;
	}
	printf("%%f\\n", least);
}
""" % (SIZE, BATCH, BATCH)
ONCE = {
    "C": 'sealmem_region *r; if (sealmem_region_new_from(&r, "cost", data, sizeof(data), SEALMEM_CONTENT)) return 1;'
    " seen = *(char *)sealmem_region_data(r); sealmem_region_free(r);",
    "C++": 'auto r = sealmem::region::from("cost", data, sizeof(data), sealmem::content);'
    " seen = char(r.bytes()[0]);",
}
PYTHON = f"""
import sys, time, sealmem
data = bytes({SIZE})
def batch():
    make = sealmem.Region.from_bytes
    before = time.perf_counter_ns()
    for _ in range({BATCH}):
        region = make("cost", data)
        view = memoryview(region)
        view[0]
        view.release()
        region.free()
    return (time.perf_counter_ns() - before) / {BATCH}
print(min(batch() for _ in range(int(sys.argv[1]))))
"""


RUST = f"""
use sealmem::{{Guarantees, Region}};
use std::time::Instant;
static DATA: [u8; {SIZE}] = [0; {SIZE}];
fn batch() -> f64 {{
    let before = Instant::now();
    for _ in 0..{BATCH} {{
        let region = Region::from_bytes("cost", &DATA, Guarantees::CONTENT).unwrap();
        unsafe {{ std::ptr::read_volatile(&region[0]) }};
    }}
    before.elapsed().as_nanos() as f64 / {BATCH}.0
}}
fn main() {{
    let count: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    println!("{{}}", (0..count).map(|_| batch()).fold(f64::MAX, f64::min));
}}
"""
NODE = f"""
const {{ Region }} = require('sealmem');
const data = Buffer.alloc({SIZE});
function batch() {{
    const before = process.hrtime.bigint();
    for (let i = 0; i < {BATCH}; i++) {{
        const region = Region.from('cost', data);
        region.bytes[0];
        region.free();
    }}
    return Number(process.hrtime.bigint() - before) / {BATCH};
}}
let least = Infinity;
for (let count = Number(process.argv[1]); count > 0; count--) least = Math.min(least, batch());
console.log(least);
"""
BINDINGS = INCLUDE.parent / "bindings"


def rust(place, library):
    """A program of its own that has the crate by its path."""
    (place / "src").mkdir()
    (place / "src" / "main.rs").write_text(RUST, encoding="utf-8")
    text = f'[package]\nname = "cost"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nsealmem = {{ path = "{BINDINGS}/rust/sealmem" }}\n'
    (place / "Cargo.toml").write_text(text, encoding="utf-8")
    environment = {**os.environ, "SEALMEM_LIB_DIR": str(library.parent), "CARGO_TARGET_DIR": str(place / "target")}
    subprocess.run(["cargo", "build", "--quiet", "--release", "--offline"], check=True, cwd=place, env=environment)
    return [place / "target" / "release" / "cost"]


GO = f"""package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"sealmem"
)

var data [{SIZE}]byte
var seen byte

func batch() float64 {{
	before := time.Now()
	for i := 0; i < {BATCH}; i++ {{
		region, err := sealmem.New("cost", data[:], sealmem.Content)
		if err != nil {{
			panic(err)
		}}
		seen = region.Bytes()[0]
		region.Close()
	}}
	return float64(time.Since(before).Nanoseconds()) / {BATCH}
}}

func main() {{
	least, count := 1e18, 0
	for count, _ = strconv.Atoi(os.Args[1]); count > 0; count-- {{
		if took := batch(); took < least {{
			least = took
		}}
	}}
	fmt.Println(least)
}}
"""


def go(place, library):
    """The same for a module."""
    (place / "main.go").write_text(GO, encoding="utf-8")
    module = f"module cost\n\ngo 1.19\n\nrequire sealmem v0.0.0\n\nreplace sealmem => {BINDINGS}/go\n"
    (place / "go.mod").write_text(module, encoding="utf-8")
    text = f"Name: sealmem\nDescription: the library\nVersion: 0\nLibs: -L{library.parent} -lsealmem\nCflags: -I{INCLUDE}\n"
    (place / "sealmem.pc").write_text(text, encoding="utf-8")
    of_go = {"GOCACHE": str(place / "cache"), "GOFLAGS": "-mod=mod", "GOPROXY": "off", "PKG_CONFIG_PATH": str(place)}
    subprocess.run(["go", "build", "-o", "cost", "."], check=True, cwd=place, env={**os.environ, **of_go})
    return [place / "cost"]


# What builds the program of a language, and with what.
BUILT = {"Rust": ("cargo", rust), "Go": ("go", go)}


def build(place, name, once, library):
    source, program = place / f"{name}.cpp", place / name
    source.write_text("#include <sealmem.hpp>\n" + TIMED.replace("once", once), encoding="utf-8")
    options = ["-std=c++17", "-O2", "-I", INCLUDE, "-o", program, source, library, f"-Wl,-rpath,{library.parent}"]
    subprocess.run(["g++", *options], check=True)
    return [program]


def main():
    package, library = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    count = sys.argv[3] if len(sys.argv) > 3 else "50"
    if not shutil.which("g++"):
        sys.exit("cost.py: g++ is not installed")
    environment = {**os.environ, "PYTHONPATH": package, "LD_LIBRARY_PATH": str(library.parent)}
    with tempfile.TemporaryDirectory() as place:
        commands = {name: build(pathlib.Path(place), name, once, library) for name, once in ONCE.items()}
        commands["Python"] = [sys.executable, "-c", PYTHON]
        if "NODE_PATH" in os.environ:
            commands["Node"] = ["node", "-e", NODE, "--"]
        for name, (program, make) in BUILT.items():
            if not shutil.which(program):
                print(f"{name:8} {program} is not installed")
                continue
            (pathlib.Path(place) / f"of-{name}").mkdir()
            commands[name] = make(pathlib.Path(place) / f"of-{name}", library)
        times = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                ran = subprocess.run([*command, count], capture_output=True, text=True, check=True, env=environment)
                times[name].append(float(ran.stdout))
    base = min(times["C"])
    for name, found in times.items():
        print(f"{name:8} {min(found) / 1000:8.2f} us  {min(found) / base:5.2f} x C")


main()
