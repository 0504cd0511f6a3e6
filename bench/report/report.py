# SPDX-License-Identifier: MIT
"""
Runs the cases, in rounds: in each, every contestant once, in an order left to chance, so that whatever else the
machine does happens to all. A contestant is compared with the baseline of its own round; the median, the
least and the greatest of these ratios are shown.

    report.py PROGRAMS [--quick] [--output DIR] [--only CASE]
"""

import argparse
import collections
import contextlib
import datetime
import json
import mmap
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

# The call by which a measuring program says where it is (contestant.c).
MARK = "getpriority("

# What strace of Debian 12 has no name for.
YOUNG = {"syscall_0x1ce": "mseal"}


def stock(size):
    """
    Memory for the contestants, as long as what is returned is kept.

    A virtual machine may hand free blocks of memory, as large as a huge page, back to its host, and whoever is the
    next to touch one waits until the host has found other memory: several times as long as the kernel itself takes.
    Whom that meets is chance. So as much as the largest case takes is touched here and given back, but for one page
    in 64: what is free is then in pieces too small to be handed back, and the kernel takes pieces before it cuts up
    a block.
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
    """Says what is being done, and how long it took."""
    print(f"{title} ... ", end="", file=sys.stderr, flush=True)
    begun = time.monotonic()
    yield
    print(f"{time.monotonic() - begun:.1f} s", file=sys.stderr)


def run(programs, case, contestant, arguments):
    """What one process prints; only why, if the contestant cannot."""
    command = [str(programs / case.program), contestant, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"failed": done.stderr.strip()}
    return dict((line + " ").split(" ", 1) for line in done.stdout.splitlines())


def number(text):
    try:
        return float(text)
    except ValueError:
        return text.strip()


class Measured:
    """All rounds of a case: for each contestant, a list with the values of each round."""

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
        """The median, of numbers; the last word, of others."""
        values = self.of(contestant, metric)
        if not values or isinstance(values[-1], str):
            return values[-1] if values else None
        return statistics.median(values)

    def ratios(self, contestant, metric, over):
        """To the other in the same round."""
        pairs = zip(self.values[contestant], self.values[over])
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


def judge(bar, measured):
    """The row of a bar: what was got, whether it is within, and how far the kernel's part alone goes."""
    if bar.absolute:
        got = measured.middle(bar.contestant, bar.metric)
    else:
        ratios = measured.ratios(bar.contestant, bar.metric, bar.over)
        got = statistics.median(ratios) if ratios else None
    floor = measured.ratios(bar.floor, bar.metric, bar.over) if bar.floor else []
    met = got is not None and (got >= bar.limit if bar.at_least else got <= bar.limit)
    return {
        "bar": bar.text,
        "limit": bar.limit,
        "at least": bar.at_least,
        "got": got,
        "met": met,
        "floor": statistics.median(floor) if floor else None,
    }


def run_other(other, programs, quick):
    places = {"PROGRAMS": programs, "BUILD": programs.parent, "BENCH": pathlib.Path(__file__).parent}
    arguments = other.arguments[: -len(other.quick)] + other.quick if quick and other.quick else other.arguments
    for name, place in places.items():
        arguments = [a.replace(f"{name}/", f"{place}/") for a in arguments]
    with timed(other.title):
        done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)["results"]


def judge_other(bar, rows):
    """What is not installed is not measured."""
    chosen = [row for row in rows if bar.those.items() <= row.items()]
    if bar.upto:
        chosen = [row for row in chosen if row[bar.upto[0]] <= bar.upto[1]]
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
        rows.append([row["bar"], limit, short(row["got"]), "yes" if row["met"] else "**no**", short(row["floor"])])
    return table(["", "bar", "measured", "met", "the system calls alone"], rows)


def strace(command):
    """What the command printed, and its system calls: (process, call) for each."""
    with tempfile.NamedTemporaryFile("r") as log:
        done = subprocess.run(
            ["strace", "-f", "-qq", "-e", "signal=none", "-o", log.name, *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        lines = (line.split(None, 1) for line in log)
        return done.stdout, [(process, call) for process, call in lines if re.match(r"\w+\(", call)]


def traced(programs, contestant, size):
    """The system calls of one object: until it is sealed, and to give it back."""
    calls = [call for _, call in strace([programs / "measure-seal", contestant, size, 1, 1])[1]]
    marks = [i for i, call in enumerate(calls) if call.startswith(MARK)]
    # The first three belong to the object that warms up.
    if len(marks) < 6:
        return None
    parts = calls[marks[3] + 1 : marks[4]], calls[marks[4] + 1 : marks[5]]
    return [[named(call) for call in part] for part in parts]


def traced_threads(programs, contestant, threads, milliseconds):
    """The system calls of threads at work: how many for each object."""
    printed, calls = strace([programs / "measure-threads", contestant, threads, milliseconds])
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
    return table(["", "bytes", "calls", "until sealed", "to give back"], rows), rows


def thread_row(programs, contestant, milliseconds):
    alone, both = (traced_threads(programs, contestant, threads, milliseconds) for threads in (1, 2))
    row = {"contestant": contestant, "calls": sum(alone.values())}
    for what, names in cases.LOCKED.items():
        row[what] = sum(count for name, count in alone.items() if name in names)
    return row | {"futex, 1 thread": alone.get("futex", 0), "futex, 2 threads": both.get("futex", 0)}


THREADS = """\
Counted by strace, for one object: all calls, those that lock what the threads of a process have in common (its
mappings, its table of descriptors, its limits), and those that wait for a lock, or wake who waits for one, outside of
the kernel.

{table}
On paper, beyond two threads: sealmem has no lock of its own. Regions have nothing in common but what the first of
them found out about the kernel, which the others read; their memory is from malloc(3). In the kernel all who map
pages meet at the lock on the mappings of the process: naked takes it {naked} times for an object, sealmem-from-bytes
{bytes}, sealmem-in-place {place}, libsodium {sodium}. The table of descriptors is locked while a number is taken or
given back, the limits while one is read. A memfd enters the kernel's one list of such files when it is made, and
leaves it with its last use: a lock that processes have in common, too. The write seal looks at the pages of the one
file that it is for. Where all this limits, many objects in one region are the answer: they enter the kernel once for
as many as fill some pages.
"""


def thread_text(programs, contestants, milliseconds):
    rows = {contestant: thread_row(programs, contestant, milliseconds) for contestant in contestants}
    lines = [[name, *(short(value) for value in list(row.values())[1:])] for name, row in rows.items()]
    head = ["", *list(rows["naked"])[1:]]
    names = {"naked": "naked", "bytes": "sealmem-from-bytes", "place": "sealmem-in-place", "sodium": "libsodium"}
    taken = {key: short(round(rows[name]["mappings"], 1)) for key, name in names.items()}
    return THREADS.format(table=table(head, lines), **taken), list(rows.values())


def instructions(programs, contestant, objects):
    """User-space instructions of one object's life, by callgrind: two runs, one with more objects."""
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


INTRODUCTION = """# Measured

Written by `./bench/run`, whole; what each contestant does is in the file of its name in `bench/`. A ratio is to the
baseline (the first row) in the same round, in a process of its own; shown is the median of all rounds, the least and
the greatest. `sealed` is until the object is sealed, `read` until its first byte was read as well, `life` until all
was given back. What has no `life` cannot be given back. `calls`, `calls-in-place` and `floor` are the system calls
that any library has to make, and nothing else; `calls-populated` has its pages before the first store. All take their
memory from what the machine has had already, so that nobody waits for a host to find some; huge pages alone come from
elsewhere.
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
    """1 if a contestant could not; older kernels have no mseal(2)."""
    failed = {
        (m.case.title, row["failed"])
        for m in measured.values()
        for row in m.rows()
        if row["failed"] and row["contestant"] != "mseal"
    }
    for title, reason in sorted(failed):
        print(f"{title}: {reason}", file=sys.stderr)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    with timed("Memory"):
        kept = stock(cases.MOST_MEMORY // (64 if options.quick else 1))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        measured = measure_all(options.programs, options.quick, options.only, place)
    judged = [judge(bar, measured[bar.case]) for bar in cases.BARS if bar.case in measured]
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
    counted = ["naked", "sealmem-from-bytes"] if options.quick else cases.SMALL
    with timed("Instructions"):
        instruction_text, counts = instruction_table(options.programs, counted, 2 if options.quick else 20)
    text = "\n".join(
        [
            INTRODUCTION,
            table(list(here), [list(here.values())]),
            "## What it was to show\n",
            bar_table(judged),
            "![ratios by size](results.svg)\n",
            "## Each case\n",
            *[case_table(m) for m in measured.values()],
            *[f"### {cases.OTHERS[key].title}\n\n{other_table(rows)}" for key, rows in others.items()],
            "## System calls of one object, counted by strace\n",
            call_text,
            "## Threads: what they have in common\n",
            locks_text,
            "## Instructions of the life of one object of 32 bytes, counted by callgrind\n",
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
