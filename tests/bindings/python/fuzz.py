# SPDX-License-Identifier: MIT
"""
Calls the Python types in any order, with any arguments, from several threads too, and looks for a crash, for an exception
that no document promises, and for a byte that is not what was sealed.

    fuzz.py SECONDS [SEED]

It prints the seed first. The same seed makes the same calls, except for those of threads.
"""

import errno
import gc
import os
import random
import socket
import sys
import threading
import time

import sealmem

ALLOWED = (sealmem.Error, BufferError, ValueError, OverflowError, TypeError, IndexError)
SIZES = [0, 1, 2, 7, 64, 2040, 2041, 4095, 4096, 4097, 65536, 1 << 20, -1, 1 << 63, 1 << 64, None, "1", 1.5]
KEPT = 24


class Fuzzer:
    """Objects of each type, and the bytes that each sealed region must have."""

    def __init__(self, seed):
        self.choose = random.Random(seed)
        self.regions, self.views, self.heaps, self.secrets = [], [], [], []
        self.sealed = {}
        self.calls = self.raised = 0
        self.steps = [
            getattr(self, name) for name in sorted(vars(type(self))) if name.startswith("do_")
        ]

    def one(self, pool):
        return self.choose.choice(pool) if pool else None

    def keep(self, pool, thing):
        pool.append(thing)
        if len(pool) > KEPT:
            pool.pop(self.choose.randrange(len(pool)))

    def size(self):
        return self.choose.choice(SIZES)

    def guarantees(self):
        if self.choose.random() < 0.1:
            return self.choose.choice([0, 1 << 10, 1 << 40, -1, None])
        extra = self.choose.choice([0, sealmem.NODUMP, sealmem.NOFORK, sealmem.GUARDS])
        return self.choose.choice([sealmem.CONTENT, sealmem.CONTENT, sealmem.SECRECY]) | extra

    def seal_known(self, region):
        if region.guarantees & sealmem.CONTENT:
            self.sealed[id(region)] = (region, bytes(region))

    def do_open(self):
        capacity = self.size()
        if isinstance(capacity, int) and capacity > 1 << 20:
            capacity = 4096
        self.keep(self.regions, sealmem.Region.open("fuzz", capacity, self.guarantees()))

    def do_from_bytes(self):
        data = self.choose.choice([b"", b"abc", bytes(5000), self.one(self.views), self.one(self.regions), 3])
        region = sealmem.Region.from_bytes("fuzz", data, self.guarantees())
        self.seal_known(region)
        self.keep(self.regions, region)

    def do_alloc(self):
        region = self.one(self.regions)
        if region is not None:
            self.keep(self.views, region.alloc(self.size(), self.choose.choice([0, 1, 3, 64, 4096, 1 << 40])))

    def do_realloc(self):
        region = self.one(self.regions)
        if region is not None:
            self.keep(self.views, region.realloc(self.size()))

    def do_trim(self):
        region = self.one(self.regions)
        if region is not None:
            region.trim(self.size())

    def do_seal(self):
        region = self.one(self.regions)
        if region is not None and not region.sealed:
            region.seal()
            self.seal_known(region)

    def do_view(self):
        thing = self.one(self.choose.choice([self.regions, self.secrets, self.views]))
        if thing is not None:
            self.keep(self.views, memoryview(thing))

    def do_slice(self):
        view = self.one(self.views)
        if view is not None:
            self.keep(self.views, view[self.choose.randrange(-9, 9) :: self.choose.choice([1, 2, -1, 0])])

    def do_store(self):
        view = self.one(self.views)
        if view is not None and len(view):
            view[self.choose.randrange(len(view))] = self.choose.randrange(256)

    def do_store_past_python(self):
        region = self.one(self.regions)
        if region is not None and (region.sealed or not self.choose.randrange(9)):
            region.try_write(bytes(self.choose.randrange(9)), self.size())

    def do_release(self):
        view = self.one(self.views)
        if view is not None:
            view.release()
            self.views.remove(view)

    def do_free(self):
        pool = self.choose.choice([self.regions, self.secrets, self.heaps])
        thing = self.one(pool)
        if thing is not None:
            thing.free()

    def do_drop(self):
        pool = self.choose.choice([self.regions, self.secrets, self.heaps, self.views])
        if pool:
            pool.pop(self.choose.randrange(len(pool)))

    def do_forget(self):
        """The regions that only this test knows of go, too."""
        known = {id(region) for region in self.regions}
        self.sealed = {key: value for key, value in self.sealed.items() if key in known}
        gc.collect()

    def do_heap(self):
        limit = self.choose.choice([1 << 16, 1 << 20, self.size()])
        self.keep(self.heaps, sealmem.Heap("fuzz", limit, self.choose.choice([0, sealmem.NOFORK, 1, 1 << 9])))

    def do_secret(self):
        heap = self.one(self.heaps)
        if heap is not None:
            secret = heap.alloc(self.size())
            assert bytes(secret) == bytes(len(secret))
            self.keep(self.secrets, secret)

    def do_resize(self):
        secret = self.one(self.secrets)
        if secret is not None:
            secret.resize(self.size())

    def do_check_heap(self):
        heap = self.one(self.heaps)
        if heap is not None:
            heap.check()

    def do_send(self):
        region = self.one(self.regions)
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with here, there:
            there.setblocking(False)
            if region is not None:
                region.send(here)
            got = sealmem.receive(there, self.guarantees(), self.choose.choice([1 << 20, 2]))
            assert bytes(got) == bytes(region)
            self.keep(self.regions, got)

    def do_accept(self):
        fd = self.choose.choice([self.one(self.regions), 0, -1, 1 << 30, None])
        self.keep(self.regions, sealmem.accept(fd, self.guarantees(), self.choose.choice([None, 2, 1 << 20])))

    def do_names(self):
        sealmem.Region.from_bytes(self.choose.choice(["", "\0", "\n", "é" * 200, 7, None]), b"x")

    def do_ask(self):
        region = self.one(self.regions)
        if region is not None:
            name = self.choose.choice(["name", "guarantees", "sealed", "freed", "address", "__len__", "fileno"])
            value = getattr(region, name)
            if callable(value):
                value()

    def do_threads(self):
        """Two threads free, seal and view the same region."""
        region = sealmem.Region.open("threads", 1 << 16)

        def views():
            for _ in range(20):
                try:
                    with memoryview(region) as view:
                        if not view.readonly:
                            view[5] = 5
                except ALLOWED:
                    pass

        def ends():
            for act in (region.seal, region.free, region.seal):
                try:
                    act()
                except ALLOWED:
                    pass

        threads = [threading.Thread(target=views), threading.Thread(target=ends)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def do_child(self):
        """A child that looks at all that it has."""
        if self.choose.randrange(20):
            return
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for thing in self.regions + self.secrets:
                    try:
                        bytes(thing)
                    except ALLOWED:
                        pass
                status = 0
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 0, f"a child ended with {status}"

    def look(self):
        """Nothing that is sealed has changed."""
        for region, expected in self.sealed.values():
            if not region.freed:
                assert bytes(region) == expected, "sealed bytes have changed"

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            step = self.choose.choice(self.steps)
            self.calls += 1
            try:
                step()
            except ALLOWED as refusal:
                self.raised += 1
                assert getattr(refusal, "errno", 0) != errno.EFAULT or step in (
                    self.do_store_past_python,
                ), f"{step.__name__}: {refusal!r}"
            if self.calls % 100 == 0:
                self.look()


def main():
    seconds = float(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    print(f"# fuzz.py {seconds:g} {seed}", flush=True)
    fuzzer = Fuzzer(seed)
    fuzzer.run(seconds)
    print(f"# {fuzzer.calls} calls, {fuzzer.raised} of them refused, {len(fuzzer.sealed)} regions compared at the end")
    return 0 if 0 < fuzzer.raised < fuzzer.calls else 1


sys.exit(main())
