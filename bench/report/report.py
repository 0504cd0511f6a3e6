# SPDX-License-Identifier: MIT
"""
Runs the cases in rounds. Each round runs every contestant once, in random order, so that other work on the machine
affects all alike. A contestant is compared with the baseline of its own round. The report shows the median, the least
and the greatest of these ratios.

    report.py PROGRAMS [--quick] [--output DIR] [--only CASE]
"""

import argparse
import collections
import contextlib
import datetime
import json
import mmap
import os
import pathlib
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

import cases
import plot

# The call by which a measuring program marks its place (contestant.c).
MARK = "getpriority("

# System calls that strace of Debian 12 cannot name.
YOUNG = {"syscall_0x1ce": "mseal"}


def stock(size):
    """
    Provides memory for the contestants, for as long as the caller keeps the result.

    A virtual machine may give free blocks of memory, as large as a huge page, back to its host. The next process that
    touches such a block waits until the host finds other memory, which takes several times as long as the kernel
    itself. Chance decides which contestant that is. Therefore this function touches as much memory as the largest case
    takes and frees it again, except for one page in 64. The free pieces are then too small to go back to the host, and
    the kernel uses pieces before it cuts up a block.
    """
    page, kept = mmap.PAGESIZE, 64
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    memory[::page] = bytes(size // page)
    for start in range(0, size, kept * page):
        memory.madvise(mmap.MADV_DONTNEED, start + page, (kept - 1) * page)
    return memory


@contextlib.contextmanager
def timed(title):
    """Prints the current step, and how long it took."""
    print(f"{title} ... ", end="", file=sys.stderr, flush=True)
    begun = time.monotonic()
    yield
    print(f"{time.monotonic() - begun:.1f} s", file=sys.stderr)


def command_of(programs, program, contestant, arguments):
    """The command that measures a contestant, and the variables that it needs."""
    name = cases.PRELOADED.get(contestant, contestant)
    command = [str(programs / program), name, *map(str, arguments)]
    return command, {} if name == contestant else {"LD_PRELOAD": str(programs.parent / "preload" / contestant)}


def run(programs, case, contestant, arguments):
    """The values that one process prints, or only the reason if the contestant fails."""
    command, variables = command_of(programs, case.program, contestant, arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | variables)
    if done.returncode != 0:
        return {"failed": done.stderr.strip()}
    return dict((line + " ").split(" ", 1) for line in done.stdout.splitlines())


def number(text):
    try:
        return float(text)
    except ValueError:
        return text.strip()


class Measured:
    """All rounds of a case: a list for each contestant, with the values of each round."""

    def __init__(self, programs, case, arguments, rounds):
        self.case = case
        self.values = {contestant: [] for contestant in case.contestants}
        for _ in range(rounds):
            for contestant in random.sample(case.contestants, len(case.contestants)):
                printed = run(programs, case, contestant, arguments)
                self.values[contestant].append({key: number(value) for key, value in printed.items()})

    def of(self, contestant, metric):
        return [values[metric] for values in self.values[contestant] if metric in values]

    def middle(self, contestant, metric):
        """The median of numbers; the last of other values."""
        values = self.of(contestant, metric)
        if not values or isinstance(values[-1], str):
            return values[-1] if values else None
        return statistics.median(values)

    def ratios(self, contestant, metric, over, elsewhere=None):
        """The ratios to another contestant, each in the same round, or in that of another case."""
        pairs = zip(self.values[contestant], (elsewhere or self).values[over])
        return [ours[metric] / theirs[metric] for ours, theirs in pairs if metric in ours and metric in theirs]

    def rows(self):
        base = self.case.contestants[0]
        for contestant in self.case.contestants:
            row = {"contestant": contestant, "failed": self.middle(contestant, "failed")}
            for metric in self.case.ratio:
                ratios = self.ratios(contestant, metric, base)
                if ratios:
                    value = self.middle(contestant, metric)
                    spread = (statistics.median(ratios), min(ratios), max(ratios))
                    row[metric] = dict(zip(("value", "ratio", "least", "most"), (value, *spread)))
            for metric in self.case.others:
                row[metric] = self.middle(contestant, metric)
            yield row


def short(value):
    if value is None or value == "":
        return ""
    if isinstance(value, str):
        return value
    if value >= 1e6:
        return f"{value:,.0f}"
    return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def case_table(measured):
    case = measured.case
    head = [f"over {case.contestants[0]}"]
    for metric in case.ratio:
        head += [f"{metric}, {case.unit}", "ratio", "least to most"]
    rows = []
    for row in measured.rows():
        cells = [row["contestant"]]
        for metric in case.ratio:
            if metric in row:
                got = row[metric]
                cells += [short(got["value"]), short(got["ratio"]), f"{short(got['least'])} to {short(got['most'])}"]
            else:
                cells += [row["failed"] or "", "", ""]
        rows.append(cells + [short(row[metric]) for metric in case.others])
    return f"### {case.title}\n\n" + table(head + list(case.others), rows)


def reached(bar, measured, contestant):
    """What a bar says of a contestant: a value, or the median of ratios."""
    here = measured[bar.case]
    if bar.absolute:
        return here.middle(contestant, bar.metric)
    ratios = here.ratios(contestant, bar.metric, bar.over or contestant, measured.get(bar.over_case))
    return statistics.median(ratios) if ratios else None


def judge(bar, measured):
    """The row of a bar: the measured value, whether it meets the limit, and what the machine alone takes. A
    contestant that this machine cannot have gives a reason."""
    got = reached(bar, measured, bar.contestant)
    met = got is not None and (got >= bar.limit if bar.at_least else got <= bar.limit)
    return {
        "bar": bar.text,
        "limit": bar.limit,
        "at least": bar.at_least,
        "got": got,
        "failed": measured[bar.case].middle(bar.contestant, "failed"),
        "met": met,
        "floor": reached(bar, measured, bar.floor) if bar.floor else None,
    }


def run_other(other, programs, quick):
    places = {"PROGRAMS": programs, "BUILD": programs.parent, "BENCH": pathlib.Path(__file__).parent.parent}
    arguments = other.arguments[: -len(other.quick)] + other.quick if quick and other.quick else other.arguments
    for name, place in places.items():
        arguments = [a.replace(f"{name}/", f"{place}/") for a in arguments]
    with timed(other.title):
        done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)["results"]


def judge_other(bar, rows):
    """The row of a bar of another program. A program that is not installed is not measured."""
    chosen = [row for row in rows if bar.those.items() <= row.items()]
    if bar.most_of:
        chosen = [row for row in chosen if row[bar.most_of[0]] <= bar.most_of[1]]
    worst = (min if bar.at_least else max)(chosen, key=lambda row: row[bar.value], default={})
    got = worst.get(bar.value)
    met = got is not None and (got >= bar.limit if bar.at_least else got <= bar.limit)
    text = bar.text
    if len(chosen) > 1:
        text += f"; the worst of {', '.join(row['program'] for row in chosen)}: {worst['program']}"
    return {
        "bar": text,
        "limit": bar.limit,
        "at least": bar.at_least,
        "got": got,
        "met": met,
        "floor": worst.get(bar.floor),
    }


def other_table(rows):
    cells = [[short(cell) if isinstance(cell, (int, float)) else cell for cell in row.values()] for row in rows]
    return table([name.replace("_", " ") for name in rows[0]], cells)


def bar_table(judged):
    rows = []
    for row in judged:
        limit = ("≥ " if row["at least"] else "≤ ") + short(row["limit"])
        failed = row.get("failed")
        met = "yes" if row["met"] else "**no**"
        rows.append([row["bar"], limit, failed or short(row["got"]), "" if failed else met, short(row["floor"])])
    return table(["", "limit", "measured", "met", "floor"], rows)


def strace(command, variables):
    """The output of the command, and its system calls, as (process, call)."""
    settings = [word for name, value in variables.items() for word in ("-E", f"{name}={value}")]
    with tempfile.NamedTemporaryFile("r") as log:
        done = subprocess.run(
            ["strace", "-f", "-qq", "-e", "signal=none", "-o", log.name, *settings, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        lines = (line.split(None, 1) for line in log)
        return done.stdout, [(process, call) for process, call in lines if re.match(r"\w+\(", call)]


def traced(programs, contestant, size):
    """The system calls of one object: until it is sealed, and those that give it back."""
    calls = [call for _, call in strace(*command_of(programs, "measure-seal", contestant, [size, 1, 1]))[1]]
    marks = [i for i, call in enumerate(calls) if call.startswith(MARK)]
    # The first three belong to the warm-up object.
    if len(marks) < 6:
        return None
    parts = calls[marks[3] + 1 : marks[4]], calls[marks[4] + 1 : marks[5]]
    return [[named(call) for call in part] for part in parts]


def traced_threads(programs, contestant, threads, milliseconds):
    """The system calls of working threads: how many for each object."""
    printed, calls = strace(*command_of(programs, "measure-threads", contestant, [threads, milliseconds]))
    at_work, counts = set(), collections.Counter()
    for thread, call in calls:
        if call.startswith(MARK):
            at_work ^= {thread}
        elif thread in at_work:
            counts[named(call)] += 1
    made = int(re.search(r"made (\d+)", printed)[1])
    return {name: count / made for name, count in counts.items()}


def named(call):
    """memfd_create, or fcntl(F_ADD_SEALS)."""
    name, arguments = call.split("(", 1)
    name = YOUNG.get(name, name)
    if name == "fcntl":
        return f"{name}({re.search(r'F_[A-Z_]+', arguments).group()})"
    return name


def call_table(programs):
    rows = []
    for size, contestants in ((32, cases.SMALL), (1 << 20, ["sealmem-from-bytes", "sealmem-in-place"])):
        for contestant in contestants:
            parts = traced(programs, contestant, size)
            if parts is not None:
                made, released = parts
                rows.append([contestant, short(size), str(len(made)), " ".join(made), str(len(released))])
    return table(["", "bytes", "calls", "until sealed", "to give it back"], rows), rows


def thread_row(programs, contestant, milliseconds):
    alone, both = (traced_threads(programs, contestant, threads, milliseconds) for threads in (1, 2))
    row = {"contestant": contestant, "calls": sum(alone.values())}
    for what, names in cases.LOCKED.items():
        row[what] = sum(count for name, count in alone.items() if name in names)
    return row | {"futex, 1 thread": alone.get("futex", 0), "futex, 2 threads": both.get("futex", 0)}


THREADS = """\
strace counted these calls for one object: all calls, those that lock a part of the process that its threads share (its
mappings, its table of descriptors, its limits), and those that wait for a lock outside the kernel, or wake a waiting
thread.

{table}
More than two threads were not measured; this is what the source says. sealmem has one
lock of its own, which regions with SECRECY or NODUMP take around prctl(2); these objects have neither. Regions share
what the first of them found out about the kernel, which the others read, and a table of their names, in which each
takes and gives back its place by one atomic operation; their memory comes from malloc(3). In the kernel, all threads
that map pages take the lock on the mappings of the process: plain takes it {plain} times for an object,
sealmem-from-bytes {bytes}, sealmem-in-place {place}, libsodium {sodium}. The kernel locks the table of descriptors
while it takes or frees a number, and the limits while it reads one. A memfd enters the kernel's list of such files when
it is created, and leaves it after its last use; all processes share the lock of this list. The write seal checks only
the pages of its own file. When these locks limit a program, many objects in one region help, because they enter the
kernel once for several pages of objects.
"""


# Functions of the library that threads meet in, as its source names them.
MEETING = {"lock of the heap": "heap_lock", "another slab": "heap_supply_refill"}


def calls_of_functions(programs, contestant, threads, milliseconds, functions):
    """How often each function was called, by callgrind, and for how many objects. A name stands where the file has it
    first, and a number elsewhere."""
    command, _ = command_of(programs, "measure-threads", contestant, [threads, milliseconds])
    with tempfile.NamedTemporaryFile("r") as profile:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile.name}", *command],
            capture_output=True,
            text=True,
            check=True,
        )
        text = profile.read()
    numbers = dict(re.findall(r"^c?fn=\((\d+)\) (\w+)$", text, re.MULTILINE))
    counts = collections.Counter()
    for called, count in re.findall(r"^cfn=\((\d+)\).*\n(?:.*\n)??calls=(\d+) ", text, re.MULTILINE):
        counts[numbers.get(called)] += int(count)
    return [counts[function] for function in functions], int(re.search(r"made (\d+)", done.stdout)[1])


LIVE = """\
### A random one of 1,000,000 objects: where its time goes

With 1,000 live objects, a pair takes {few} ns in sealmem-heap and {few_array} ns in array; with 1,000,000, {many} ns and
{many_array} ns. The difference is the work of the heap. It is {work} ns, and {more_work} ns. All else is the machine: an
object that no cache has comes from memory, and so does its place in the page tables. It comes when the program uses the
object, before the heap is called.

Two ways to take less were tried, and are not in the heap:
- All that a free reads of a slab, in two neighbouring lines instead of three or four. On a quiet machine this changed
  nothing: the processor gets these lines at the same time, because the heap asks for them before it needs the first.
- Huge pages for the chunks. A pair took about a tenth less. But SECRECY has none, and a heap would have to grow by
  several MiB at a time, with all of them locked.
"""


def live_text(measured):
    heap, array = (
        [measured.middle(contestant, count) for count in ("1000", "1000000")] for contestant in ("sealmem-heap", "array")
    )
    if None in heap + array:
        return ""
    values = {"few": heap[0], "few_array": array[0], "many": heap[1], "many_array": array[1]}
    values |= {"work": heap[0] - array[0], "more_work": heap[1] - array[1]}
    return LIVE.format(**{name: round(value) for name, value in values.items()})


HEAP_THREADS = """\
### A heap in up to 64 threads, by counts

This machine has {processors} processors, so the time that 64 of them take was not measured. callgrind counted how often
{contestant} takes its lock, and a thread another slab, while so many threads make, read and give back objects. strace
counted the system calls that wait for others, after each thread had made its first object.

{table}
A thread keeps to one slab for each size. While that has free slots, a pair executes five locked instructions, all on two
lines of memory that belong to this slab, and stores into no memory that other threads read or write. So the number of
threads does not change what a pair does. Once its slab is full, a thread takes another one: from its own list, where
those go in which it frees; or, if that is empty, from the list of another thread, or with the lock. A thread that makes
no more than it gives back finds one in its own list. One that only makes objects of 32 bytes looks at up to 64 lists once
in 170 of them. The first objects of new threads take the lock, and where the heap grows meanwhile, threads lose the slabs
that they have hardly begun and may take the lock again. A thread that gives back the object of another one stores into
lines that the other one also uses; it waits for these lines, and not for a lock. From the 65th on, two threads share a
list and a slab, and so their lines.
"""


def heap_thread_text(programs, contestant, milliseconds):
    rows = []
    for threads in (1, 2, 64):
        calls = traced_threads(programs, contestant, threads, milliseconds)
        met, made = calls_of_functions(programs, contestant, threads, milliseconds * 5, MEETING.values())
        row = {"threads": threads, "objects": made} | dict(zip(MEETING, met))
        rows.append(row | {name: calls.get(name, 0) for name in ("futex", "sched_yield")})
    cells = [[short(cell) for cell in row.values()] for row in rows]
    head = ["threads", "objects", *MEETING, "futex, each object", "sched_yield, each object"]
    processors = machine()["processors"]
    return HEAP_THREADS.format(table=table(head, cells), contestant=contestant, processors=processors), rows


def thread_text(programs, contestants, milliseconds):
    rows = {contestant: thread_row(programs, contestant, milliseconds) for contestant in contestants}
    lines = [[name, *(short(value) for value in list(row.values())[1:])] for name, row in rows.items()]
    head = ["", *list(rows["plain"])[1:]]
    names = {"plain": "plain", "bytes": "sealmem-from-bytes", "place": "sealmem-in-place", "sodium": "libsodium"}
    taken = {key: short(round(rows[name]["mappings"], 1)) for key, name in names.items()}
    return THREADS.format(table=table(head, lines), **taken), list(rows.values())


def instructions(programs, contestant, objects):
    """User-space instructions for the life of one object, by callgrind: two runs, one with more objects."""
    totals = []
    for alive in (1, 1 + objects):
        command = ["measure-seal", contestant, "32", str(alive), "1"]
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", programs / command[0], *command[1:]],
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or found is None:
            return None
        totals.append(int(found.group(1)))
    return (totals[1] - totals[0]) / objects


def instruction_table(programs, contestants, objects):
    found = [(contestant, instructions(programs, contestant, objects)) for contestant in contestants]
    rows = [[contestant, short(count)] for contestant, count in found if count is not None]
    return table(["", "instructions outside the kernel"], rows), found


def first_match(pattern, path):
    found = re.search(pattern, pathlib.Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else "unknown"


def machine():
    memory = int(first_match(r"^MemTotal:\s+(\d+)", "/proc/meminfo")) / (1 << 20)
    huge = "/sys/kernel/mm/transparent_hugepage/"
    return {
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": first_match(r"^(?:model name|CPU part)\s*:\s*(.+)", "/proc/cpuinfo"),
        "processors": str(len(re.findall(r"^processor", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE))),
        "memory": f"{memory:.0f} GiB",
        "huge pages": first_match(r"\[(\w+)\]", huge + "enabled"),
        "huge pages of memfds": first_match(r"\[(\w+)\]", huge + "shmem_enabled"),
        "date": datetime.date.today().isoformat(),
    }


SUMMARY = """# Measurements

`./bench/run` wrote this whole file, on {processor} with {processors} processors and {kernel}. Ratios to plain memory differ
between processors, so the limits are against the bare system calls and the other libraries of the same run.

Five questions, each in one sentence:

| Question | What is compared | Measured |
|---|---|---|
{questions}
A ratio below 1 means that sealmem takes less time. {met} of {all} limits are met. Where one is not, the section
[Where a limit is not met](#where-a-limit-is-not-met) has the reason.

![Time until an object is sealed, by its size](results.svg)
"""


def middle_ratio(measured, case, contestant, over):
    """The median ratio of two contestants of a case, or nothing where the case was not run."""
    ratios = measured[case].ratios(contestant, "sealed", over) if case in measured else []
    return short(statistics.median(ratios)) if ratios else "not measured"


def value_of(rows, those, value):
    return next((short(row[value]) for row in rows if those.items() <= row.items()), "not measured")


def questions(measured, others):
    """The rows of the summary."""
    start, run = others.get("start", []), others.get("run", [])
    return [
        ["What does it cost to seal a small buffer?", "32 bytes from a buffer, over the system calls alone", middle_ratio(measured, "32B", "sealmem-from-bytes", "calls")],
        ["Is another library faster?", "the same, over libsodium, whose protection a program can take back", middle_ratio(measured, "32B", "sealmem-from-bytes", "libsodium")],
        ["And memory that is filled first?", "16 MiB in place, over the system calls alone", middle_ratio(measured, "16M", "sealmem-in-place", "calls-in-place")],
        ["What does a sealed program cost at its start?", "microseconds that true(1) takes longer", value_of(start, {"program": "true", "time": "clock"}, "sealed: added")],
        ["What does a secret cost at the start?", "`sealmem run` with one secret, over /bin/true alone", value_of(run, {"way": "run, one secret"}, "ratio")],
    ]


def summary(measured, others, judged, here):
    rows = "".join("| " + " | ".join(row) + " |\n" for row in questions(measured, others))
    met = sum(row["met"] for row in judged)
    return SUMMARY.format(questions=rows, met=met, all=len(judged), **here)


NOT_MET = """## Where a limit is not met

*One page in place.* Of the system calls of such a region, those that the bare calls lack hold signals back, ask who has
the memory, and confirm seals and size with the kernel. Two ways to take fewer were tried. `calls-late` keeps the bytes in
ordinary memory and copies them when they are sealed: that needs none of the calls that hide an open region from children,
and the copy takes the time that it saves. The other one is in use: the signals are held back once, not twice, and the
limit on the size of files is asked for only where a file is large.

*A program that starts sealed.* `floor` makes the system calls alone, and compares nothing. The rest is mostly two things
that are not given up: the open of /proc/self/maps, by which the kernel confirms what is mapped in the end, and the
question to the loader which object it took for each name. Two ways were tried. One write for all objects, and one
mapping for both the comparison and the question whether it is final, are in use. To let pages come when they are touched,
and not at once, changed nothing.

*A program that starts by `sealmem run`.* `execl() alone` is a program that does nothing but execute /bin/true;
`execl() alone, static` is one that needs no loader either, and the floor. Two ways were tried. To load libsmartcols, json-c
and the locale only when they are needed is in use. A static command would have the loader's part of the floor, and could
load no library for `exec --sha256`.

*mprotect elsewhere, 500 regions in place.* A seccomp filter never changes, and sees the arguments of a call and nothing
else. So one that is older than a seal cannot know of it, and each seal in place takes one more. `500 programs, the least`
is the floor of that. Two ways round it were tried and are not in use. One filter for 64 regions can let a call through
that brings a secret number in an argument, and the library can forget the number with the seal (`64 to a program`). Then
somebody who read the memory of the process before the seal can undo it. A helper process that shares the memory can do
what open regions need, and have the filters in place of the program (`by a helper`). Then wait(2) and the limits of the
program meet that process, and a child is without it. A region from a buffer is final when it is mapped, and takes no
filter. Memory that is sealed in one call of sealmem_mseal_many() takes one.

## Peers that are not measured

hardened_malloc and memguard (Go) are in no package of Debian 12. memsec (Rust) is there as source only,
librust-memsec-dev, and no contestant yet. mmap-sync publishes 26.7 ns for a read without and
40.1 ns with a check of the bytes, and 251 ns for a write, on an Intel i7-13800H
(README.md of github.com/cloudflare/mmap-sync); compare "Acquire and release a published generation".
iceoryx2 published 240 ns for a message of 64 bytes or 64 KiB from one process to another, where both wait in a loop, on an
Intel i7-10875H (an early README.md of github.com/eclipse-iceoryx/iceoryx2); no case here has such loops.
"""

INTRODUCTION = """## How it is measured

The files in `bench/contestants/` show what each contestant does. A ratio compares
a contestant with the baseline (the first row) of the same round; each runs in a process of its own. The tables show the
median of all rounds, the least and the greatest. `sealed` is the time until the object is sealed, `read` until its first
byte was also read, and `life` until everything was given back. An object without `life` cannot be given back. `calls`,
`calls-in-place` and `floor` make the system calls that such a seal needs, and nothing else, except that `calls` compares
the sealed copy with the buffer, because another process can write to it before the seal. `calls-populated` has all its
pages before the first store. All contestants use memory that the machine already has, so that none waits for a host to
find some. Only huge pages come from elsewhere.

`sealmem-heap` is a heap with NOSWAP, NODUMP and NOFORK, `sealmem-heap-secrecy` one with SECRECY. `libsodium-writable` is
libsodium without a page protection, as its objects are while a program uses them. A contestant with the name of a
library is libsodium, OpenSSL's secure heap or libgcrypt with that library preloaded. `array` is the floor of a heap: slots
of the same size in ordinary memory, and a stack of the free ones. `each` is the time on the clock, `work` the time that
a thread had a processor. The limits of the heap are for the latter, because other programs do not count there. A thread
that sleeps shows in `waits`.
"""


def measure_all(programs, quick, only, place):
    file = pathlib.Path(place) / "file"
    with open(file, "wb") as out:
        for _ in range(1 if quick else 1024):
            out.write(b"s" * (1 << 20))
    measured = {}
    for key, case in cases.CASES.items():
        if only and key not in only:
            continue
        arguments = [str(file) if a == "FILE" else a for a in (case.quick if quick else case.arguments)]
        with timed(case.title):
            measured[key] = Measured(programs, case, arguments, 1 if quick else case.rounds)
    return measured


def complain_about_failed(measured):
    """1 if a contestant failed that should not."""
    failed = {
        (m.case.title, row["failed"])
        for m in measured.values()
        for row in m.rows()
        if row["failed"] and row["contestant"] not in cases.OPTIONAL
    }
    for title, reason in sorted(failed):
        print(f"{title}: {reason}", file=sys.stderr)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent)
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    with timed("Memory"):
        kept = stock(cases.MOST_MEMORY // (64 if options.quick else 1))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        measured = measure_all(options.programs, options.quick, options.only, place)
    judged = [judge(bar, measured) for bar in cases.BARS if {bar.case, bar.over_case or bar.case} <= measured.keys()]
    others = {
        key: run_other(other, options.programs, options.quick)
        for key, other in cases.OTHERS.items()
        if not options.only or key in options.only
    }
    judged += [judge_other(bar, others[bar.other]) for bar in cases.OTHER_BARS if bar.other in others]
    here = machine()
    with timed("System calls"):
        call_text, calls = call_table(options.programs)
    with timed("System calls of threads"):
        locks_text, locks = thread_text(options.programs, cases.THREADED, 20 if options.quick else 100)
    with timed("A heap in threads"):
        heap_text, heap_locks = heap_thread_text(options.programs, "sealmem-heap", 20 if options.quick else 200)
    counted = ["plain", "sealmem-from-bytes"] if options.quick else cases.SMALL
    with timed("Instructions"):
        instruction_text, counts = instruction_table(options.programs, counted, 2 if options.quick else 20)
    text = "\n".join(
        [
            summary(measured, others, judged, here),
            "## Limits\n",
            bar_table(judged),
            NOT_MET,
            INTRODUCTION,
            table(list(here), [list(here.values())]),
            "## Each case\n",
            *[case_table(m) for m in measured.values()],
            *[f"### {cases.OTHERS[key].title}\n\n{other_table(rows)}" for key, rows in others.items()],
            "## System calls of one object, counted by strace\n",
            call_text,
            "## Threads: what they share\n",
            locks_text,
            heap_text,
            live_text(measured["live, random"]) if "live, random" in measured else "",
            "## Instructions in the life of one object of 32 bytes, counted by callgrind\n",
            instruction_text,
        ]
    )
    results = {
        "version": 1,
        "machine": here,
        "bars": judged,
        "cases": {key: list(m.rows()) for key, m in measured.items()},
        **others,
        "calls": calls,
        "threads": locks,
        "heap in threads": heap_locks,
        "instructions": dict(counts),
    }
    options.output.mkdir(exist_ok=True)
    (options.output / "RESULTS.md").write_text(text, encoding="utf-8")
    (options.output / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    plot.draw(results, options.output / "results.svg")
    print(text)
    sys.exit(complain_about_failed(measured))


if __name__ == "__main__":
    main()
