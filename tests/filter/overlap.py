#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that the filter refuses a call if and only if it touches a sealed range.

Tests try numbers; there are 2^256 of them for one call and one range. This takes the instructions
that filter.c emits, follows all their paths with unknowns in place of numbers, and asks z3 for a
call, a range and a number of events for a ring on which they and the mathematical statement (in
integers too wide to overflow) differ. "unsat" says there is none, for every 64-bit address and
length, every page-aligned range and every ring that the kernel makes.

    overlap.py PATH-OF-filter-dump
"""

import concurrent.futures
import os
import subprocess
import sys
import time

import z3

PLAIN, RARE, PROCESS, AVAILABILITY, HEAP = 1, 2, 4, 8, 16
MSEAL = PLAIN | RARE | PROCESS
SCOPES = {"plain": PLAIN, "rare, process": RARE | PROCESS, "mseal": MSEAL,
          "availability": AVAILABILITY, "heap": HEAP}

ALLOW, REFUSE, NO_BREAK, NO_EVENTS = 0x7fff0000, 0x00050001, 0x00050000, 0x0005000b
REFUSALS = {"brk": NO_BREAK, "io_setup": NO_EVENTS, "io_setup_x32": NO_EVENTS}
WIDE = 66

# The most events of a ring: unknown, up to the most for which the kernel makes one.
EVENTS = z3.BitVec("events", 32)
MOST_EVENTS = 1 << 22

# The calls of each table. i386_far are those of i386 beside ranges that lie beyond 8 GiB.
CALLS = {
    "x86_64": {"munmap": 11, "mprotect": 10, "mmap": 9, "madvise": 28, "pkey_mprotect": 329,
               "remap_file_pages": 216, "mremap": 25, "shmat": 30, "shmdt": 67,
               "io_setup": 206, "io_setup_x32": 543, "io_destroy": 207, "brk": 12, "prctl": 157,
               "userfaultfd": 323, "ioctl": 16, "ioctl_x32": 514, "io_uring_setup": 425,
               "process_madvise": 440},
    "i386_far": {"prctl": 172, "userfaultfd": 374, "io_uring_setup": 425, "uselib": 86,
                 "ipc": 117, "shmat": 397, "brk": 45, "ioctl": 54, "io_setup": 245},
    "i386": {"munmap": 91, "mprotect": 125, "mmap_by_pointer": 90, "mmap": 192, "madvise": 219,
             "pkey_mprotect": 380, "remap_file_pages": 257, "mremap": 163, "shmat": 397,
             "shmdt": 398, "ipc": 117, "io_setup": 245, "io_destroy": 246, "brk": 45,
             "prctl": 172, "userfaultfd": 374, "ioctl": 54, "io_uring_setup": 425,
             "process_madvise": 440, "uselib": 86},
    "generic": {"munmap": 215, "mprotect": 226, "mmap": 222, "madvise": 233, "pkey_mprotect": 288,
                "remap_file_pages": 234, "mremap": 216, "shmat": 196, "shmdt": 197,
                "io_setup": 0, "io_destroy": 1, "brk": 214, "prctl": 167, "userfaultfd": 282,
                "ioctl": 29, "io_uring_setup": 425, "process_madvise": 440},
    "arm": {"munmap": 91, "mprotect": 125, "mmap": 192, "madvise": 220, "pkey_mprotect": 394,
            "remap_file_pages": 253, "mremap": 163, "shmat": 305, "shmdt": 306,
            "io_setup": 243, "io_destroy": 244, "brk": 45, "prctl": 172, "userfaultfd": 388,
            "ioctl": 54, "io_uring_setup": 425, "process_madvise": 440, "uselib": 86},
    "ppc64": {"munmap": 91, "mprotect": 125, "mmap": 90, "madvise": 205, "pkey_mprotect": 386,
              "remap_file_pages": 239, "subpage_prot": 310, "mremap": 163, "shmat": 397,
              "shmdt": 398, "ipc": 117, "io_setup": 227, "io_destroy": 228, "brk": 45,
              "prctl": 171, "userfaultfd": 364, "ioctl": 54, "io_uring_setup": 425,
              "process_madvise": 440, "uselib": 86},
}
ARCH = {"x86_64": 0xc000003e, "i386": 0x40000003, "i386_far": 0x40000003}


class Machine:
    """How seccomp names it, its table, the bits of an address that are not a tag, its huge pages."""

    def __init__(self, arch, calls, huge, bits=56, make_userfaultfd=0xaa00):
        self.arch, self.calls, self.huge = arch, calls, huge
        self.bits, self.make_userfaultfd = bits, make_userfaultfd


MACHINES = {
    "x86_64": Machine(0xc000003e, "x86_64", {1 << 12: [1 << 21, 1 << 30]}),
    "i386": Machine(0x40000003, "i386", {1 << 12: [1 << 21, 1 << 22, 1 << 30]}),
    "aarch64": Machine(0xc00000b7, "generic", {1 << 12: [1 << 16, 1 << 21, 1 << 25, 1 << 30],
                                               1 << 14: [1 << 21, 1 << 25, 1 << 30],
                                               1 << 16: [1 << 21, 1 << 29, 1 << 34]}),
    "arm": Machine(0x40000028, "arm", {1 << 12: [1 << 16, 1 << 21, 1 << 25, 1 << 30]}),
    "riscv64": Machine(0xc00000f3, "generic", {1 << 12: [1 << 16, 1 << 21, 1 << 30]}, bits=48),
    "loong64": Machine(0xc0000102, "generic", {1 << 14: [1 << 25]}),
    "ppc64le": Machine(0xc0000015, "ppc64", {1 << 16: [1 << 21, 1 << 24, 1 << 30, 1 << 34]},
                       make_userfaultfd=0x2000aa00),
}
HARMLESS = {0, 1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 25, 103}


def word(value):
    return z3.BitVecVal(value, 32)


def high(value):
    return z3.Extract(63, 32, value)


def low(value):
    return z3.Extract(31, 0, value)


def wide(value):
    return z3.ZeroExt(WIDE - value.size(), value)


# The program, with its ranges and the size of rings made unknown.

def dump(command, machine, page, events, scope, ranges):
    arguments = [f"{start:#x}-{end:#x}" for start, end in ranges]
    text = subprocess.run([command, machine, str(page), str(events), str(scope)] + arguments,
                          check=True, capture_output=True, text=True).stdout
    return [tuple(int(field, 0) for field in line.split()) for line in text.splitlines()]


def placeholders(count, seed, low_half_of):
    """Ranges whose words occur nowhere else, so that they are recognised in the program.

    Those of low_half_of, a high word, are known by the other word alone.
    """
    if low_half_of is None:
        base = 0x0000123000000000 + seed * 0x0000100100050000
        step = 0x0000012300230000
    else:
        base = (low_half_of << 32) + 0x12340000 + seed * 0x00560000
        step = 0x11230000
    bounds = [base + (i + 1) * step for i in range(2 * count)]
    return list(zip(bounds[::2], bounds[1::2]))


def unknown_program(command, machine, page, scope, symbols, low_half_of):
    """The program with each half of a range's bounds replaced by that of the unknown bound.

    So are the number of events and the size of a ring for them. Built a second time with other
    bounds and events it must come out the same: then nothing in it depends on them but what was
    replaced.
    """
    versions = []
    for seed in (0, 1):
        ranges = placeholders(len(symbols), seed, low_half_of)
        events = 0x12345 + seed * 0x11111
        meaning = {events: ("events", None), 64 * events + 96: ("ring", None)}
        for (start, end), (s, e) in zip(ranges, symbols):
            # END is compared with start + 1, whose low word cannot wrap
            meaning[(start & 0xffffffff) + 1] = ("low + 1", s)
            meaning[end & 0xffffffff] = ("low", e)
            if low_half_of is None:
                meaning[start >> 32] = ("high", s)
                meaning[end >> 32] = ("high", e)
        assert len(meaning) == 2 + (4 if low_half_of is None else 2) * len(ranges)
        versions.append([(code, jt, jf, meaning.get(k, k))
                         for code, jt, jf, k in dump(command, machine, page, events, scope, ranges)])
    assert repr(versions[0]) == repr(versions[1]), "the program depends on its ranges or rings"
    return versions[0]


def constant(k):
    if isinstance(k, int):
        return word(k)
    half, bound = k
    if bound is None:
        return EVENTS if half == "events" else 64 * EVENTS + 96
    return high(bound) if half == "high" else low(bound) + (1 if half == "low + 1" else 0)


# Following all paths at once: what is known at each instruction, given that it is reached.

def merge(left, right):
    if left is None:
        return right
    (cond, a, x, memory), (cond2, a2, x2, memory2) = left, right
    both = {i: z3.If(cond, memory[i], memory2[i]) for i in memory.keys() & memory2.keys()}
    return z3.Or(cond, cond2), z3.If(cond, a, a2), z3.If(cond, x, x2), both


def answers(program, arch, number, arguments):
    """For each answer, the condition on which the program gives it."""
    data = {0: number, 4: arch}
    for i, argument in enumerate(arguments):
        data[16 + 8 * i], data[20 + 8 * i] = low(argument), high(argument)
    states = [None] * len(program)
    states[0] = (z3.BoolVal(True), word(0), word(0), {})
    given = {}

    def go(to, state):
        states[to] = merge(states[to], state)

    for at, (code, jt, jf, k) in enumerate(program):
        if states[at] is None:
            continue
        cond, a, x, memory = states[at]
        kind, operation = code & 7, code & 0xf0
        operand = x if code & 8 else constant(k)
        if kind == 6:
            assert not code & 0x18
            given[k] = z3.Or(given.get(k, z3.BoolVal(False)), cond)
            continue
        if kind == 5 and operation == 0:
            go(at + 1 + k, states[at])
            continue
        if kind == 5:
            test = {0x10: lambda: a == operand, 0x20: lambda: z3.UGT(a, operand),
                    0x30: lambda: z3.UGE(a, operand),
                    0x40: lambda: a & operand != 0}[operation]()
            go(at + 1 + jt, (z3.And(cond, test), a, x, memory))
            go(at + 1 + jf, (z3.And(cond, z3.Not(test)), a, x, memory))
            continue
        if code == 0x20:
            a = data[k]
        elif code == 0x00:
            a = constant(k)
        elif code == 0x60:
            a = memory[k]
        elif code == 0x61:
            x = memory[k]
        elif code == 0x02:
            memory = {**memory, k: a}
        elif code == 0x07:
            x = a
        elif kind == 4:
            a = {0x00: lambda: a + operand, 0x40: lambda: a | operand, 0x50: lambda: a & operand,
                 0x60: lambda: a << (operand & 31)}[operation]()
        else:
            raise ValueError(f"instruction {at}: {code:#x}")
        go(at + 1, (cond, a, x, memory))
    return given


# What the answer ought to be.

def end_rounded_up(address, length, size):
    """address + length, if that is a multiple of size, else the next one.

    z3 is quick with it in this form, and the form is proved to be what it should.
    """
    end = address + length
    return z3.If(end & (size - 1) == 0, end, (end | (size - 1)) + 1)


def prove_rounding(size):
    address, length = z3.BitVec("address", 56), z3.BitVec("length", 64)
    rounded = (wide(length) + (size - 1)) & ~z3.BitVecVal(size - 1, WIDE)
    prove(f"rounding to {size}", [address & (size - 1) == 0],
          end_rounded_up(wide(address), wide(length), size) == wide(address) + rounded)


def largest_ring():
    """A header, then twice the events and two more, each as large as the header."""
    events = z3.ZeroExt(32, EVENTS)
    return 32 * (1 + 2 * events + 2)


class World:
    def __init__(self, machine, page, scope, symbols, arguments):
        self.machine, self.page, self.scope = MACHINES[machine], page, scope
        self.symbols, self.arguments = symbols, arguments

    def meets(self, address, end):
        return z3.Or([z3.And(z3.ULT(address, wide(e)), z3.UGT(end, wide(s)))
                      for s, e in self.symbols])

    def untagged(self, address):
        return wide(z3.Extract(self.machine.bits - 1, 0, address))

    def overlaps(self, address, length):
        address, length = self.untagged(address), wide(length)
        return z3.And(length != 0, self.meets(address, address + length))

    def huge_sizes(self):
        return self.machine.huge[self.page]

    def overlaps_with_huge(self, address, length):
        address, length = self.untagged(address), wide(length)
        cases = [self.meets(address, address + length)]
        for size in self.huge_sizes():
            cases.append(z3.And(address & (size - 1) == 0,
                                self.meets(address, end_rounded_up(address, length, size))))
        return z3.And(length != 0, z3.Or(cases))

    def below_last_end(self, address):
        return z3.ULT(address, self.symbols[-1][1])

    def risky(self, advice):
        return z3.And([low(advice) != harmless for harmless in HARMLESS])

    def mmap(self):
        address, length, flags = self.arguments[0], self.arguments[1], self.arguments[3]
        fixed = flags & 0x10 != 0
        if not self.scope & RARE:
            return z3.And(fixed, self.overlaps(address, length))
        huge = z3.Or(flags & 0x20 == 0, flags & 0x40000 != 0)
        multiple = z3.Or([address & (size - 1) == 0 for size in self.huge_sizes()])
        if not self.scope & PLAIN:
            return z3.And(fixed, huge, multiple, self.overlaps_with_huge(address, length))
        return z3.And(fixed, z3.If(huge, self.overlaps_with_huge(address, length),
                                   self.overlaps(address, length)))

    def mremap(self):
        old, old_length, new_length, flags, new = self.arguments[:5]
        return z3.Or(z3.If(old_length == 0, self.overlaps(old, z3.BitVecVal(1, 64)),
                           self.overlaps_with_huge(old, old_length)),
                     z3.And(flags & 2 != 0, self.overlaps_with_huge(new, new_length)))

    def ipc(self):
        number, flags, address = self.arguments[0] & 0xffff, self.arguments[2], self.arguments[4]
        attached = z3.And(flags & 0o40000 != 0, self.below_last_end(address))
        return z3.Or(z3.And(number == 21, attached),
                     z3.And(number == 22, self.overlaps(address, z3.BitVecVal(1, 64))))

    def cases(self, call):
        """Cases that together are all there is, where one question would take z3 too long."""
        if call != "mremap":
            return [z3.BoolVal(True)]
        fixed = self.arguments[3] & 2 != 0
        moved_onto = self.overlaps_with_huge(self.arguments[4], self.arguments[2])
        return [z3.Not(fixed), z3.And(fixed, moved_onto), z3.And(fixed, z3.Not(moved_onto))]

    def refused(self, call):
        never, always = z3.BoolVal(False), z3.BoolVal(True)
        first, second, third, fourth = self.arguments[:4]
        scope = self.scope
        rows = {
            "munmap": (PLAIN, lambda: self.overlaps(first, second)),
            "mmap": (PLAIN | RARE, self.mmap),
            "madvise": (PLAIN | AVAILABILITY,
                        lambda: z3.And(self.risky(third), self.overlaps(first, second))),
            "remap_file_pages": (RARE, lambda: self.overlaps(first, second)),
            "subpage_prot": (RARE, lambda: self.overlaps(first, second)),
            "mmap_by_pointer": (PROCESS, lambda: always),
            "mremap": (RARE, self.mremap),
            "shmat": (RARE, lambda: z3.And(third & 0o40000 != 0, self.below_last_end(second))),
            "shmdt": (RARE, lambda: self.overlaps(first, z3.BitVecVal(1, 64))),
            "io_setup": (PROCESS, lambda: z3.UGT(low(first), EVENTS)),
            "io_setup_x32": (PROCESS, lambda: z3.UGT(low(first), EVENTS)),
            "io_destroy": (RARE, lambda: self.overlaps(first, largest_ring())),
            "brk": (HEAP, lambda: z3.And(first != 0, self.below_last_end(first))),
            "prctl": (PROCESS, lambda: low(first) == 35),
            "userfaultfd": (PROCESS, lambda: always),
            "ioctl": (PROCESS, lambda: low(second) == self.machine.make_userfaultfd),
            "ioctl_x32": (PROCESS, lambda: low(second) == self.machine.make_userfaultfd),
            "io_uring_setup": (PROCESS | AVAILABILITY, lambda: always),
            "process_madvise": (PROCESS | AVAILABILITY, lambda: self.risky(fourth)),
            "uselib": (PROCESS, lambda: always),
            "ipc": (RARE, self.ipc),
        }
        grows = {"mprotect": PLAIN, "pkey_mprotect": RARE}
        if call in grows:
            follows = third & 0x03000000 != 0 if scope & PROCESS else never
            return z3.Or(follows, self.overlaps(first, second) if scope & grows[call] else never)
        concerned, condition = rows[call]
        return condition() if concerned & scope else never

    def refused_far(self, call):
        """Of a 32-bit call beside ranges beyond 8 GiB."""
        always = z3.BoolVal(bool(self.scope & PROCESS))
        remaps = self.arguments[2] & 0o40000 != 0
        if call == "shmat":
            return z3.And(always, remaps)
        if call == "ipc":
            return z3.And(always, self.arguments[0] & 0xffff == 21, remaps)
        return self.refused(call)


# The questions.

def well_formed(symbols, page, bits, low_half_of):
    """Page-aligned, sorted, apart, within an address's bits, and where low_half_of says.

    Without it they are beyond the reach of 32-bit calls.
    """
    previous = z3.BitVecVal(1 << 33 if low_half_of is None else 0, 64)
    facts = [EVENTS != 0, z3.ULE(EVENTS, MOST_EVENTS)]
    for i, (s, e) in enumerate(symbols):
        facts += [s & (page - 1) == 0, e & (page - 1) == 0, z3.ULT(s, e),
                  z3.ULE(previous, s) if i == 0 else z3.ULT(previous, s)]
        if low_half_of is not None:
            facts += [high(s) == low_half_of, high(e) == low_half_of]
        previous = e
    return facts + [z3.ULT(previous, z3.BitVecVal(1 << bits, 64))]


def prove(name, assumptions, statement):
    solver = z3.Then("simplify", "propagate-values", "solve-eqs", "bit-blast", "sat").solver()
    solver.add(assumptions)
    solver.add(z3.Not(statement))
    answer = solver.check()
    if answer != z3.unsat:
        raise AssertionError(f"{name}: {solver.model() if answer == z3.sat else answer}")


def prove_calls(name, program, world, facts, arch, table, calls, refused):
    """Each call's answer, and that every other number is allowed."""
    number = z3.BitVec("number", 32)
    given = answers(program, word(arch), number, world.arguments)
    plain = number & ~(1 << 30) if table == "x86_64" else number
    if table in ("i386", "i386_far", "arm"):
        facts = facts + [high(a) == 0 for a in world.arguments]

    def is_answer(answer):
        return given.get(answer, z3.BoolVal(False))

    for call, n in calls.items():
        want = refused(call)
        refusal = REFUSALS.get(call, REFUSE)
        for case in world.cases(call):
            prove(f"{name}: {call}", facts + [plain == n, case, want], is_answer(refusal))
            prove(f"{name}: {call}", facts + [plain == n, case, z3.Not(want)], is_answer(ALLOW))
    prove(f"{name}: others", facts + [plain != n for n in CALLS[table].values()], is_answer(ALLOW))


def other_table(machine, low_half_of):
    """The table of the calls of another word size, where any process can make them."""
    if machine == "x86_64":
        return "i386_far" if low_half_of is None else "i386"
    return "x86_64" if machine == "i386" else None


def prove_program(command, machine, page, scope_name, count=1, low_half_of=None):
    scope = SCOPES[scope_name]
    symbols = [z3.BitVecs(f"start{i} end{i}", 64) for i in range(count)]
    arguments = z3.BitVecs(" ".join(f"argument{i}" for i in range(6)), 64)
    where = "" if low_half_of is None else f" above {low_half_of << 2} GiB"
    name = (f"{machine}, {page >> 10} KiB pages, {scope_name}, "
            f"{count} range{'s' * (count > 1)}{where}")
    begin = time.monotonic()
    program = unknown_program(command, machine, page, scope, symbols, low_half_of)
    world = World(machine, page, scope, symbols, arguments)
    facts = well_formed(symbols, page, MACHINES[machine].bits, low_half_of)
    # all calls share the search among several ranges, which takes z3 longest
    table = MACHINES[machine].calls
    calls = CALLS[table] if count == 1 else {"munmap": CALLS[table]["munmap"]}
    prove_calls(name, program, world, facts, MACHINES[machine].arch, table, calls, world.refused)
    other = other_table(machine, low_half_of) if count == 1 else None
    if other:
        prove_calls(name, program, world, facts, ARCH[other], other, CALLS[other],
                    world.refused_far if other == "i386_far" else world.refused)
    return f"{name}: {len(program)} instructions proved in {time.monotonic() - begin:.1f} s"


PROGRAMS = [
    ("aarch64", 1 << 12, "mseal"),
    ("x86_64", 1 << 12, "mseal"),
    ("x86_64", 1 << 12, "mseal", 1, 0),
    ("x86_64", 1 << 12, "mseal", 1, 1),
    ("i386", 1 << 12, "mseal", 1, 0),
    ("arm", 1 << 12, "mseal", 1, 0),
    ("riscv64", 1 << 12, "mseal"),
    ("loong64", 1 << 14, "mseal"),
    ("ppc64le", 1 << 16, "mseal"),
    ("x86_64", 1 << 12, "rare, process"),
    ("x86_64", 1 << 12, "plain"),
    ("x86_64", 1 << 12, "plain", 2),
    ("x86_64", 1 << 12, "plain", 1, 0),
    ("x86_64", 1 << 12, "availability"),
    ("x86_64", 1 << 12, "heap"),
    ("aarch64", 1 << 16, "plain"),
    ("aarch64", 1 << 14, "rare, process"),
]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for size in sorted({size for m in MACHINES.values() for sizes in m.huge.values() for size in sizes}):
        prove_rounding(size)
    workers = min(2, os.cpu_count() or 1)
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        for proof in [pool.submit(prove_program, sys.argv[1], *p) for p in PROGRAMS]:
            print(proof.result(), flush=True)


if __name__ == "__main__":
    main()
