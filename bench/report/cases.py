# SPDX-License-Identifier: MIT
"""The cases, and the limits that they have to meet. A new case is a row here."""

import dataclasses

KIB, MIB = 1 << 10, 1 << 20

# The most that is in use at one time: a file, a buffer and an object, each of 1 GiB, and a little more.
MOST_MEMORY = (3 * 1024 + 256) * MIB


@dataclasses.dataclass
class Case:
    """A measuring program. It runs as a process of its own for each contestant in each round. All lines
    "NAME VALUE" that it prints are kept; `ratio` names those that are compared with the baseline."""

    title: str
    program: str
    arguments: list
    quick: list
    contestants: list
    ratio: list
    rounds: int = 15
    unit: str = "ns"
    others: tuple = ()  # values that are shown as they are


# A contestant that is measured with an object preloaded: what the object does to its library.
PRELOADED = {
    "libsealmem-sodium.so": "libsodium-writable",
    "libsealmem-openssl.so": "openssl-heap",
    "libsealmem-gcrypt.so": "libgcrypt",
}

# Not every machine has what these need.
OPTIONAL = {"mseal", "sealmem-heap-key"}

SMALL = [
    "plain",
    "sealmem-from-bytes",
    "sealmem-in-place",
    "calls",
    "calls-in-place",
    "calls-late",
    "memfd-private",
    "mseal",
    "libsodium",
    "openssl-heap",
    "libgcrypt",
    "malloc",
]
LARGE = ["plain", "plain-huge", *SMALL[1:6], "calls-populated", *SMALL[6:8], "malloc"]
LIFE = ["sealed", "read", "life"]


def sealing(title, size, alive, batches, contestants, rounds):
    return Case(title, "measure-seal", [size, alive, batches], [size, 2, 2], contestants, LIFE, rounds)


USED = ("made", "memory", "mappings", "ended")


def objects(count, contestants, rounds, seconds=2):
    arguments = [count, seconds]
    title = f"{count:,} objects of 32 bytes"
    return Case(title, "measure-objects", arguments, [100, 1], contestants, ["sealed"], rounds, "ns each", USED)


# What makes and gives back secrets without a system call for each, and what it is compared with.
HEAPS = [
    "malloc",
    "sealmem-heap",
    "sealmem-heap-secrecy",
    "libsodium-writable",
    "openssl-heap",
    "libgcrypt",
    *PRELOADED,
]


def unexpected(count, expected):
    title = f"{count:,} objects of 32 bytes, where {expected:,} were expected"
    return Case(title, "measure-objects", [count, 20, expected], [100, 1, 10], HEAPS, ["sealed"], 1, "ns each", USED)


def live(title, what):
    """The columns are numbers of live objects; the ratio is that of the last one."""
    contestants = ["array", *HEAPS]
    others = ("1000", "10000", "100000", "growth", "made", "ended")
    return Case(title, "measure-live", [what, 1_000_000, 2], [what, 1000, 1], contestants, ["1000000"], 3, others=others)


THREADED = [
    "plain",
    "sealmem-from-bytes",
    "sealmem-in-place",
    "calls",
    "libsodium",
    *HEAPS,
]


def threads(title, count, contestants, *live):
    arguments, quick = [count, 200, *live], [count, 20, *live]
    return Case(title, "measure-threads", arguments, quick, contestants, ["each", "work"], 5, others=("waits",))


MANY = [
    "plain",
    "sealmem-one-region",
    "sealmem-from-bytes",
    "calls",
    "mseal",
    "libsodium",
    *HEAPS[1:3],
    "openssl-heap",
    "libgcrypt",
    "malloc",
]

CASES = {
    "32B": sealing("One object of 32 bytes", 32, 32, 40, SMALL, 25),
    "4K": sealing("One object of 4 KiB", 4 * KIB, 32, 40, SMALL, 25),
    "64K": sealing("One object of 64 KiB", 64 * KIB, 8, 20, LARGE, 15),
    "1M": sealing("One object of 1 MiB", MIB, 4, 8, LARGE, 15),
    "16M": sealing("One object of 16 MiB", 16 * MIB, 1, 5, LARGE, 9),
    "1G": Case(
        "Fill and seal 1 GiB",
        "measure-seal",
        [1024 * MIB, 1, 1],
        [MIB, 1, 1],
        ["plain", "plain-huge", "sealmem-from-bytes", "sealmem-in-place", "calls"],
        LIFE,
        3,
    ),
    "1,000": objects(1_000, MANY, 7),
    "10,000": objects(10_000, MANY, 3),
    "100,000": objects(100_000, MANY, 3),
    "1,000,000": objects(1_000_000, MANY, 3),
    "unexpected": unexpected(330_000, 10_000),
    "read": Case(
        "Reading 256 MiB: streaming (per byte), random (per access)",
        "measure-read",
        [256],
        [1],
        ["plain", "sealmem-from-bytes"],
        ["stream", "random"],
        15,
        others=("stream-speed", "random-speed"),
    ),
    "file": Case(
        "Read a file of 1 GiB into memory that must not change",
        "measure-file",
        ["FILE"],
        ["FILE"],
        ["anonymous", "mapped", "in-place", "from-file", "calls"],
        ["sealed"],
        5,
    ),
    "share": Case(
        "Receive 1 GiB from another process, until its first byte can be read safely",
        "measure-share",
        [1024],
        [4],
        ["pipe", "accept", "receive"],
        ["first-byte"],
        3,
    ),
    "1 thread": threads("One thread makes, reads and gives back objects of 32 bytes", 1, THREADED),
    "2 threads": threads("Two threads of one process do the same", 2, THREADED),
    "1 thread, live": threads("One thread has 1,000 objects of 32 bytes, and replaces random ones", 1, HEAPS, 1000),
    "2 threads, live": threads("Each of two threads of one process does the same", 2, HEAPS, 1000),
    "live": live("Make one more object of 32 bytes and give it back, while so many others live", "more"),
    "live, random": live("Use a random one of so many live objects, give it back, make another", "random"),
    "window": Case(
        "Make a heap inaccessible and accessible again",
        "measure-window",
        [],
        [],
        ["mprotect", "sealmem-heap", "sealmem-heap-key", "libsodium"],
        ["window"],
        5,
    ),
}

# The parts of a process that its threads share, and the system calls that lock each of them.
LOCKED = {
    "mappings": {"mmap", "munmap", "mprotect", "mremap", "madvise", "mlock", "munlock", "mseal", "brk"},
    "descriptors": {"memfd_create", "memfd_secret", "openat", "fcntl(F_DUPFD_CLOEXEC)", "close"},
    "limits": {"getrlimit", "prlimit64"},
}


@dataclasses.dataclass
class Bar:
    """The ratio of `contestant` to `over`, in the same round, has to be at most (or at least) `limit`. `over_case` is
    another case, where `over` was measured; an empty `over` is the contestant itself. The value of `floor` shows how
    much of it the machine alone takes."""

    text: str
    case: str
    metric: str
    contestant: str
    limit: float
    over: str = "plain"
    over_case: str = ""
    floor: str = ""
    at_least: bool = False
    absolute: bool = False  # the value itself, not a ratio


def from_bytes(case, size, limit):
    text = f"{size} from a buffer, over the bare system calls"
    return Bar(text, case, "sealed", "sealmem-from-bytes", limit, over="calls")


def in_place(case, size, limit):
    text = f"{size} in place, open to sealed, over the bare system calls"
    return Bar(text, case, "sealed", "sealmem-in-place", limit, over="calls-in-place", floor="calls-late")


def over_peer(case, size, limit):
    text = f"{size} from a buffer, over libsodium"
    return Bar(text, case, "sealed", "sealmem-from-bytes", limit, over="libsodium")


def many(text, metric, limit, **more):
    return Bar(text, "1,000,000", metric, "sealmem-one-region", limit, **more)


def pair(contestant):
    text = f"one thread allocates and frees 32 bytes, ns ({contestant})"
    return Bar(text, "1 thread", "work", contestant, 100, floor="malloc", absolute=True)


def both(text, contestant, live=""):
    """Two threads do 1.8 times as much as one, if in both a pair takes no more than 2 / 1.8 of the time."""
    text = f"{text}, over one thread ({contestant})"
    return Bar(text, f"2 threads{live}", "work", contestant, 2 / 1.8, over="", over_case=f"1 thread{live}", floor="malloc")


def million(text, metric, limit, **more):
    return Bar(f"1,000,000 secrets of 32 bytes in a heap: {text}", "1,000,000", metric, "sealmem-heap", limit, absolute=True, **more)


def flat(case, text):
    text = f"{text}: 1,000,000 live objects over 1,000"
    return Bar(text, case, "growth", "sealmem-heap", 1.2, floor="array", absolute=True)


def reading(pattern):
    text = f"read sealed memory ({pattern}): speed over ordinary memory"
    return Bar(text, "read", f"{pattern}-speed", "sealmem-from-bytes", 0.98, at_least=True, absolute=True)


BARS = [
    from_bytes("32B", "32 bytes", 1.02),
    from_bytes("64K", "64 KiB", 1.05),
    from_bytes("1M", "1 MiB", 1.05),
    from_bytes("1G", "1 GiB", 1.05),
    over_peer("32B", "32 bytes", 1),
    over_peer("4K", "one page", 1),
    in_place("4K", "one page", 0.9),
    in_place("64K", "64 KiB", 0.65),
    in_place("16M", "16 MiB", 0.7),
    many("one of 1,000,000 objects in one region, over plain mmap", "sealed", 0.004),
    many("the same, over libsodium, for the objects it can make", "sealed", 1 / 500, over="libsodium"),
    many("memory of the region, over its payload", "memory", 1.1, absolute=True),
    many("mappings of the region", "mappings", 2, absolute=True),
    reading("stream"),
    reading("random"),
    Bar("map and seal a file of 1 GiB, over reading it and calling mprotect", "file", "sealed", "mapped", 0.8, "anonymous"),
    Bar("a region from a file of 1 GiB, over reading it and calling mprotect", "file", "sealed", "from-file", 0.8, "anonymous", floor="calls"),
    Bar("accept 1 GiB until its first byte, over a pipe", "share", "first-byte", "accept", 1 / 1000, "pipe"),
    pair("sealmem-heap"),
    pair("sealmem-heap-secrecy"),
    both("the same in each of two threads", "sealmem-heap"),
    both("the same in each of two threads", "sealmem-heap-secrecy"),
    both("each of two threads replaces random ones of its 1,000 objects", "sealmem-heap", ", live"),
    million("made", "made", 1_000_000, at_least=True),
    # 32 bytes and a canary of 8, rounded up, are a slot of 48.
    million("memory, over the payload", "memory", 1.15 * 48 / 32),
    million("mappings", "mappings", 1000),
    flat("live", "alloc and free of one more"),
    flat("live, random", "use, free and alloc of a random one"),
    Bar("close and open a heap, with a protection key, ns", "window", "window", "sealmem-heap-key", 100, absolute=True),
    Bar("close and open a heap, without one, over two calls of mprotect", "window", "window", "sealmem-heap", 1.05, "mprotect"),
]


@dataclasses.dataclass
class Other:
    """A program that measures in its own way and prints rows in JSON. PROGRAMS, BUILD and BENCH in its arguments
    are directories."""

    title: str
    arguments: list
    quick: list  # takes the place of the last argument


OTHERS = {
    "filter": Other("System calls under the filter that emulates mseal(2)", ["PROGRAMS/filter-cost", "--json"], []),
    "run": Other(
        "Start /bin/true in several ways, microseconds",
        ["BENCH/measure/run-overhead", "--json", "BUILD/tools/sealmem", "300"],
        ["2"],
    ),
    "pairs": Other("Acquire and release a published generation", ["PROGRAMS/measure-pairs", "2000000"], ["20000"]),
    "memory": Other("Memory of the process for one small region, beyond its page", ["PROGRAMS/measure-memory", "900"], ["100"]),
    "audit": Other("Audit, seconds", ["BENCH/measure/audit", "--json", "BUILD/tools/sealmem", "9"], ["1"]),
    "publish": Other(
        "Publish to processes, until the last of them has read it",
        ["PROGRAMS/measure-publish", "100", "300", "1000"],
        ["3", "5", "10"],
    ),
    "connections": Other(
        "Publish to as many clients as this machine allows, until the last has taken it",
        ["PROGRAMS/measure-connections", "10000"],
        ["100"],
    ),
    "together": Other(
        "Processes that have all read 1 GiB that is published",
        ["PROGRAMS/measure-together", "8", "1024"],
        ["3", "4"],
    ),
    "start": Other(
        "Start programs with the object that seals their image, microseconds",
        ["BENCH/measure/image-start", "--json", "BUILD/preload", "PROGRAMS/libimage-floor.so", "200"],
        ["2"],
    ),
    "seal": Other(
        "Seal a program of ten objects that runs: how long it is held",
        ["BENCH/measure/seal-running", "--json", "BUILD/tools/sealmem", "PROGRAMS/ten-objects", "25"],
        ["1"],
    ),
    "work": Other(
        "Programs at work under run --image",
        ["BENCH/measure/image-throughput", "--json", "BUILD/tools/sealmem", "9"],
        ["1"],
    ),
}


@dataclasses.dataclass
class OtherBar:
    """The value of the worst row among those that match `those` and stay within `most_of`. When there are several,
    the text names the worst and all others."""

    text: str
    other: str
    those: dict
    value: str
    limit: float
    at_least: bool = False
    most_of: tuple = ()
    floor: str = ""  # the value of the same row for what the machine alone takes


def under_filter(text, call, limit, number="32 ranges", sealed="32 extents at once"):
    those = {"call": call, "sealed": sealed}
    return OtherBar(f"{text}, {number}, over no filter", "filter", those, "of_no_filter", limit)


def beside_many(number, sealed):
    return under_filter("the same", "mprotect elsewhere, nothing to change", 3, number, sealed)


def starting(text, value, limit):
    text = f"start a program of up to ten objects, {text}"
    those = {"time": "clock"}
    return OtherBar(text, "start", those, f"sealed: {value}", limit, most_of=("objects", 10), floor=f"floor: {value}")


def working(program):
    return OtherBar(f"{program} under run --image: speed over without", "work", {"program": program}, "speed", 0.99, True)


def held(program, limit):
    return OtherBar(f"seal ten objects of a running program, {program}: held, ms", "seal", {"program": program}, "held, ms", limit)


def audited(text, those, value, limit, **more):
    return OtherBar(f"audit: {text}", "audit", those, value, limit, **more)


OTHER_BARS = [
    under_filter("a call that the filter does not check", "getppid", 1.25),
    under_filter("mprotect elsewhere", "mprotect elsewhere, nothing to change", 1.5),
    beside_many("500 regions from a buffer", "500 regions from a buffer"),
    beside_many("500 regions in place", "500 regions, one by one"),
    OtherBar("acquire and release a generation, one thread, ns", "pairs", {"threads": 1}, "ns_for_a_pair", 15),
    OtherBar("the same in eight threads, over one", "pairs", {"threads": 8}, "over_one_thread", 1.1),
    OtherBar("memory of one small region beyond its page, bytes", "memory", {}, "bytes of each", 1024),
    audited("300 processes of this machine, s", {"audit": "--all, on this machine"}, "seconds", 0.3, floor="floor"),
    audited("one process of 65,000 mappings, s", {"audit": "one process of 65,000 mappings"}, "seconds", 0.7, floor="floor"),
    audited("each of 2,000 processes over each of 500", {"processes": 2000}, "of_each_among_500", 1.2),
    OtherBar("1 GiB in 8 processes and their publisher: memory over the size", "together", {}, "memory_of_all,_over_the_size", 1.01),
    OtherBar("the same: first byte in each after the first, us", "together", {}, "of_the_slowest_other,_us", 1000),
    starting("image sealed: added microseconds", "added", 150),
    starting("image sealed: over the bare system calls", "of floor", 1.1),
    OtherBar("start /bin/true by run, one secret: over its own start", "run", {"way": "run, one secret"}, "ratio", 1.8, floor="floor"),
    OtherBar(
        "run --image: a static program over one with a loader",
        "run",
        {"way": "run --image, a static program"},
        "of run --image",
        1.2,
    ),
    held("one thread", 0.7),
    held("8 threads", 1.2),
    held("8 threads, --one-thread", 0.3),
    held("one thread, --deep", 3),
    working("redis-server"),
    working("nginx"),
]
