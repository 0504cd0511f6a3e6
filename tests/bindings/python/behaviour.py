# SPDX-License-Identifier: MIT
"""
The Python package: what each type does, and that no order of calls reaches memory that is gone.

    behaviour.py SOURCE
"""

import contextlib
import copy
import doctest
import errno
import gc
import inspect
import mmap
import os
import pathlib
import pickle
import re
import signal
import socket
import sys
import tempfile
import threading
import traceback
import types

import sealmem
import tap

CONTENT, GUARDS = sealmem.CONTENT, sealmem.GUARDS


def expect(exception, act, *arguments, number=None, said="", **named):
    """The act raises this, with this errno and these words."""
    try:
        act(*arguments, **named)
    except exception as raised:
        assert number is None or raised.errno == number, f"errno {raised.errno}: {raised}"
        assert said in str(raised), str(raised)
        return raised
    except Exception as other:
        raise AssertionError(f"{act} raised {other!r}") from other
    raise AssertionError(f"{act} raised nothing")


def refused(number, act, *arguments, **named):
    return expect(sealmem.Error, act, *arguments, number=number, **named)


def in_child(act):
    """What act returns in a child, as an exit status; a signal as a negative number."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            status = act() or 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def held():
    """How many descriptors and mappings of sealmem this process has, and its resident pages."""
    maps = pathlib.Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    pages = int(pathlib.Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return len(os.listdir("/proc/self/fd")), maps.count("sealmem:") + maps.count("secretmem"), pages


def abc(name="abc"):
    return sealmem.Region.from_bytes(name, b"abc")


def test_the_examples_of_the_documentation_are_true(_):
    result = doctest.testmod(sealmem)
    assert result.attempted > 10 and not result.failed


def guarded(test):
    """An exception that is no assertion fails the test too."""

    def run(context):
        try:
            test(context)
        except (AssertionError, tap.Skip):
            raise
        except Exception as fault:
            raise AssertionError(traceback.format_exc()) from fault

    run.title = test.__name__.removeprefix("test_").replace("_", " ")
    return run


def test_the_example_of_the_README_runs(source):
    (example,) = re.findall(r"^```python\n(.*?)^```$", (source / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    with tempfile.TemporaryFile("w+") as out, contextlib.redirect_stdout(out):
        exec(example, {})
        out.seek(0)
        assert out.read() == "b'allow 443'\n"


def test_a_region_is_written_sealed_and_read(_):
    region = sealmem.Region.open("text", 4096, CONTENT)
    with region.alloc(5) as piece:
        assert not piece.readonly
        piece[:] = b"hello"
    assert not region.sealed and len(region) == 5
    region.seal()
    region.seal()
    assert region.sealed and bytes(region) == b"hello" and region.name == "text"
    assert region.guarantees == CONTENT and memoryview(region).readonly
    refused(errno.EFAULT, region.try_write, b"j")
    assert bytes(region) == b"hello"


def test_a_store_to_an_open_region_succeeds(_):
    region = sealmem.Region.open("open", 100)
    region.try_write(b"j", offset=99)
    assert memoryview(region)[99] == ord("j")
    expect(ValueError, region.try_write, b"jj", offset=99)
    expect(ValueError, region.try_write, b"", offset=101)


def test_an_error_has_errno_and_sentence(_):
    error = refused(errno.EINVAL, sealmem.Region.open, "bad\n", 1)
    assert isinstance(error, OSError) and "control character" in error.strerror
    refused(errno.EINVAL, sealmem.Region.open, "x", 0)
    refused(errno.ENAMETOOLONG, abc, "n" * (sealmem.NAME_MAX + 1))
    expect(TypeError, sealmem.Region.open, "x", "1")
    expect(OverflowError, sealmem.Region.open, "x", -1)
    expect(OverflowError, sealmem.Region.open, "x", 1, 1 << 32)
    expect(OverflowError, sealmem.Region.open, "x", 1 << 64)
    expect(ValueError, sealmem.Region.open, "x\0y", 1)
    expect(TypeError, sealmem.Region)


def test_a_region_with_views_is_not_freed(_):
    region = abc()
    view = memoryview(region)
    part = view[1:]
    expect(BufferError, region.free)
    view.release()
    expect(BufferError, region.free)
    assert bytes(part) == b"bc"
    del part
    region.free()
    region.free()
    assert region.freed


def test_a_view_keeps_its_region(_):
    before = held()[:2]
    view = memoryview(abc())
    gc.collect()
    assert bytes(view) == b"abc"
    del view
    assert held()[:2] == before


def test_a_region_with_views_is_not_sealed(_):
    region = sealmem.Region.open("open", 10)
    view = memoryview(region)
    expect(BufferError, region.seal)
    expect(BufferError, region.trim, 1)
    view[0] = 1
    view.release()
    region.seal()
    assert memoryview(region).readonly


def test_a_with_block_frees_and_says_when_it_cannot(_):
    with abc() as region:
        assert bytes(region) == b"abc"
    assert region.freed
    region = abc()
    view = memoryview(region)

    def leave():
        with region:
            pass

    expect(BufferError, leave)
    assert bytes(view) == b"abc"


def test_a_region_that_is_freed_has_nothing(_):
    region = abc()
    region.free()
    for act in (memoryview, len, bytes, sealmem.Region.seal, sealmem.Region.fileno, sealmem.Region.__enter__):
        expect(ValueError, act, region)
    for name in ("name", "guarantees", "sealed", "address"):
        expect(ValueError, getattr, region, name)
    expect(ValueError, region.alloc, 1)


def test_an_empty_region_is_an_empty_buffer(_):
    region = sealmem.Region.from_bytes("empty", b"")
    assert len(region) == 0 and bytes(region) == b"" and list(memoryview(region)) == []


def test_a_sealed_region_gives_no_writable_buffer(_):
    region, pipe = abc(), os.pipe()
    os.write(pipe[1], b"xyz")
    with open(pipe[0], "rb", buffering=0) as file:
        expect(TypeError, sealmem.wipe, region)
        expect(TypeError, file.readinto, region)
    os.close(pipe[1])
    assert bytes(region) == b"abc"


def test_pieces_grow_and_shrink(_):
    region = sealmem.Region.open("pieces", 1 << 16)
    with region.alloc(10) as first:
        first[:] = b"0123456789"
    with region.realloc(20) as grown:
        assert bytes(grown[:10]) == b"0123456789" and len(grown) == 20
    with region.alloc(8, align=64) as aligned:
        assert len(region) == 72 and len(aligned) == 8
    region.trim(5)
    region.seal()
    assert bytes(region) == b"01234"
    refused(errno.EPERM, region.alloc, 1)
    refused(errno.EPERM, region.trim, 1)


def test_numpy_sees_the_pages_without_a_copy(_):
    try:
        import numpy
    except ImportError as missing:
        raise tap.Skip("numpy is not installed") from missing
    region = sealmem.Region.open("numbers", 8 * 1000)
    array = numpy.frombuffer(region, dtype=numpy.float64)
    assert array.ctypes.data == region.address and array.flags.writeable
    array[:] = numpy.arange(1000)
    expect(BufferError, region.seal)
    del array
    region.seal()
    array = numpy.frombuffer(region, dtype=numpy.float64)
    assert array.ctypes.data == region.address and array.sum() == 499500 and not array.flags.writeable
    expect(ValueError, array.__setitem__, 0, 1)
    expect(BufferError, region.free)
    del region
    assert array[999] == 999


def test_a_file_is_verified_as_it_is_sealed(_):
    seen, told = [], []
    with tempfile.TemporaryFile() as file:
        file.write(b"content")
        file.flush()
        region = sealmem.Region.from_file(
            "file", file, 100, progress=lambda *at: told.append(at), verify=lambda data: seen.append(data)
        )
        assert bytes(region) == b"content" and seen == [b"content"] and told[-1] == (7, 7)
        refused(errno.EKEYREJECTED, sealmem.Region.from_file, "file", file, 100, verify=lambda data: False)
        refused(errno.EFBIG, sealmem.Region.from_file, "file", file, 6)
        before = held()[:2]
        for name in ("progress", "verify"):
            expect(ZeroDivisionError, sealmem.Region.from_file, "file", file, 9, **{name: lambda *_: 1 / 0})
        assert held()[:2] == before
    expect(OSError, sealmem.Region.from_file, "closed", os.open("/", os.O_RDONLY), 1)


def test_a_region_is_sent_and_received(_):
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, there:
        sealmem.send(here, abc())
        got = sealmem.receive(there)
        assert bytes(got) == b"abc" and got.name == "abc" and got.sealed
        sealmem.send(here, got)
        refused(errno.EFBIG, sealmem.receive, there, limit=2)
        accepted = sealmem.accept(got, CONTENT, 3)
        assert bytes(accepted) == b"abc" and accepted.name == "accepted"
        refused(errno.EPERM, sealmem.send, here, sealmem.Region.open("open", 1))
        there.setblocking(False)
        refused(errno.EAGAIN, sealmem.receive, there)
    with tempfile.TemporaryFile() as file:
        refused(errno.ENODEV, sealmem.accept, file)
    memfd = os.memfd_create("open", os.MFD_ALLOW_SEALING)
    refused(errno.EPERM, sealmem.accept, memfd)
    os.close(memfd)


def test_a_region_in_use_by_another_thread_is_not_freed(_):
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with here, there:
        here.setblocking(False)
        try:
            while True:
                here.send(bytes(65536))
        except BlockingIOError:
            here.setblocking(True)
        region = abc()
        sender = threading.Thread(target=region.send, args=[here])
        sender.start()
        while True:
            try:
                region.try_write(b"")
                view = memoryview(region)
                view.release()
                sealmem.Region.free(region)
            except BufferError:
                break
            region = abc()  # the thread had not begun: it fails, and nothing is in use
            sender.join()
            sender = threading.Thread(target=region.send, args=[here])
            sender.start()
        reader = threading.Thread(target=lambda: [there.recv(1 << 20) for _ in range(64) if sender.is_alive()], daemon=True)
        reader.start()
        sender.join()
        region.free()


def test_a_child_reads_what_it_inherited_and_nothing_else(_):
    sealed, opened = abc(), sealmem.Region.open("open", 10)
    kept = sealmem.Region.from_bytes("kept", b"x", CONTENT | sealmem.NOFORK)
    heap = sealmem.Heap("kept", 1 << 16, sealmem.NOFORK)
    secret = heap.alloc(8)

    def child():
        assert bytes(sealed) == b"abc"
        for gone in (opened, kept, secret):
            refused(errno.ESTALE, memoryview, gone)
        refused(errno.ESTALE, opened.alloc, 1)
        sealed.free()

    assert in_child(child) == 0
    assert bytes(sealed) == b"abc" and memoryview(opened)[0] == 0 and bytes(secret) == bytes(8)


def test_a_store_past_python_ends_the_process(_):
    region = abc()

    def store():
        import ctypes

        ctypes.memset(region.address, 0, 1)

    assert in_child(store) == -signal.SIGSEGV
    assert bytes(region) == b"abc"


def test_a_secret_is_wiped_when_it_goes(_):
    import ctypes

    heap = sealmem.Heap("keys", 1 << 20, GUARDS)
    secret = heap.alloc(32)
    with memoryview(secret) as view:
        view[:] = b"k" * 32
    at = ctypes.addressof(ctypes.c_char.from_buffer(secret))
    gc.collect()
    assert ctypes.string_at(at, 32) == b"k" * 32
    secret.free()
    assert ctypes.string_at(at, 32) == bytes(32)
    heap.check()
    assert heap.guarantees & GUARDS


def test_a_heap_with_secrets_and_a_secret_with_views_stay(_):
    heap = sealmem.Heap("keys", 1 << 20)
    secret = heap.alloc(4)
    view = memoryview(secret)
    expect(BufferError, heap.free)
    expect(BufferError, secret.free)
    expect(BufferError, secret.resize, 100)
    view[0] = 7
    del heap
    gc.collect()
    assert view[0] == 7
    view.release()
    secret.resize(5000)
    assert len(secret) == 5000 and bytes(secret)[:2] == b"\7\0"
    secret.free()
    secret.free()
    expect(ValueError, memoryview, secret)


def test_a_heap_ends_at_its_limit(_):
    heap = sealmem.Heap("small", 1 << 16)
    refused(errno.ENOMEM, heap.alloc, 1 << 20)
    refused(errno.EINVAL, sealmem.Heap, "content", 1 << 16, CONTENT)
    heap.free()
    expect(ValueError, heap.alloc, 1)


def test_a_stored_secret_is_restored(_):
    if not sealmem.supported() & sealmem.SECRECY:
        raise tap.Skip("no memfd_secret here")
    try:
        region = sealmem.Region.from_bytes("key", b"key", sealmem.SECRECY)
        again = sealmem.Region.restore(region.store(), "key", sealmem.SECRECY)
    except sealmem.Error as error:
        if error.errno == errno.EAGAIN:
            raise tap.Skip("RLIMIT_MEMLOCK") from error
        raise
    assert bytes(again) == b"key"
    memoryview(again)[0] = ord("h")
    assert bytes(again) == b"hey" and again.sealed
    refused(errno.EOPNOTSUPP, region.fileno)


class Served:
    """A publisher in a thread."""

    def __init__(self, place):
        self.path = os.path.join(place, "socket")
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listening.bind(self.path)
        self.listening.listen()
        self.publisher = sealmem.Publisher(self.listening)
        self.asked = []

    def connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(self.path)
        return connection

    def during(self, act, *arguments):
        """Serves until another thread has done this."""
        answer = []

        def run():
            try:
                answer.append(act(*arguments))
            except sealmem.Error as error:
                answer.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            self.publisher.dispatch()
            thread.join(0.001)
        return answer[0]


def with_served(test):
    def run(_):
        with tempfile.TemporaryDirectory() as place:
            served = Served(place)
            with served.listening, served.publisher:
                test(served)

    run.__name__ = test.__name__
    return run


@with_served
def test_a_generation_is_published_and_read(served):
    served.publisher.publish(abc(), label="first")
    with served.connect() as connection:
        subscription = served.during(sealmem.subscribe, connection, "abc", 100)
    first = subscription.acquire()
    assert bytes(first) == b"abc" and first.sealed
    served.publisher.publish(sealmem.Region.from_bytes("x", b"newer"), name="abc", label="second")
    assert subscription.generation < served.publisher.generation("abc") == served.publisher.generation()
    while not subscription.update():
        served.publisher.dispatch()
    second = subscription.acquire()
    assert bytes(first) == b"abc" and bytes(second) == b"newer"
    expect(BufferError, subscription.free)
    view = memoryview(first)
    expect(BufferError, first.free)
    refused(errno.EPERM, second.alloc, 1)
    del first, second
    expect(BufferError, subscription.free)
    assert bytes(view) == b"abc"
    del view
    subscription.free()
    expect(ValueError, subscription.acquire)


@with_served
def test_a_view_of_a_generation_keeps_its_subscription(served):
    served.publisher.publish(abc())
    with served.connect() as connection:
        subscription = served.during(sealmem.subscribe, connection, "abc", 100)
    view = memoryview(subscription.acquire())
    del subscription
    served.publisher.free()
    gc.collect()
    assert bytes(view) == b"abc"


@with_served
def test_admission_decides_and_an_exception_refuses(served):
    served.publisher.publish(abc())
    asked = []

    def admit(peer, name):
        asked.append((peer[1], name))
        refused(errno.EBUSY, served.publisher.free)
        refused(errno.EBUSY, served.publisher.dispatch)
        if len(asked) == 1:
            raise RuntimeError("refuses")
        return name != "abc"

    unraisable, sys.unraisablehook = sys.unraisablehook, lambda _: None
    served.publisher.set_admission(admit)
    for _ in range(2):
        with served.connect() as connection:
            assert served.during(sealmem.subscribe, connection, "abc", 100).errno == errno.EACCES
    sys.unraisablehook = unraisable
    with served.connect() as connection:
        listed = served.during(sealmem.list_published, connection)
    assert listed[0].name == "abc" and listed[0].size == 3
    assert asked[0] == (os.geteuid(), "abc") and asked[2][1] is None
    served.publisher.set_admission(None)
    with served.connect() as connection:
        assert served.during(sealmem.subscribe, connection, "abc", 2).errno == errno.EFBIG
        expect(TypeError, served.publisher.set_admission, 1)


@with_served
def test_limits_names_and_numbers_of_a_publisher(served):
    refused(errno.EINVAL, served.publisher.set_limits, 0, 1, 1)
    served.publisher.set_limits(clients=4, clients_of_user=4, names_of_client=4)
    served.publisher.continue_from(1 << 62)
    served.publisher.announce("later")
    number = served.publisher.reserve()
    served.publisher.publish(abc("later"))
    assert served.publisher.generation("later") == number > 1 << 62
    assert served.publisher.fileno() >= 0
    expect(TypeError, served.publisher.publish, b"abc")
    refused(errno.EPERM, served.publisher.publish, sealmem.Region.open("open", 1))
    with served.connect() as connection:
        subscription = served.during(sealmem.subscribe, connection, "later", 100)
    with served.connect() as connection:
        subscription.reconnect(connection)
    assert subscription.fileno() >= 0
    refused(errno.EBADF, sealmem.Publisher, 1 << 20)


def test_a_publisher_in_a_cycle_goes(_):
    before = held()[0]
    with tempfile.TemporaryDirectory() as place:
        served = Served(place)
        served.publisher.set_admission(lambda peer, name: served.publisher is not None)
        del served
        gc.collect()
    assert held()[0] == before


def test_the_image_is_sealed(_):
    if not sealmem.supported() & sealmem.ADDRESS:
        raise tap.Skip("addresses cannot be sealed here")
    refused(errno.EINVAL, sealmem.seal_image, 1 << 31)

    def child():
        report = sealmem.seal_image(sealmem.Image.TRY)
        return 0 if report.objects > 0 and report.relro.size > 0 else 1

    assert in_child(child) == 0
    refused(errno.EINVAL, sealmem.seal_loaded, 0, 1 << 31)


def test_an_object_is_loaded_from_verified_bytes(_):
    source = pathlib.Path(sealmem._sealmem.__file__)
    with open(source, "rb") as file:
        refused(errno.EKEYREJECTED, sealmem.load_verified, file, lambda data: False, os.RTLD_NOW)
        expect(ZeroDivisionError, sealmem.load_verified, file, lambda data: 1 / 0, os.RTLD_NOW)
        seen = []
        assert sealmem.load_verified(file, seen.append, os.RTLD_NOW)
    assert seen == [source.read_bytes()]


def test_what_stands_alone_answers(_):
    assert re.fullmatch(r"\d+\.\d+\.\d+", sealmem.version()) and sealmem.page_size() == mmap.PAGESIZE
    assert sealmem.supported() & CONTENT and sealmem.guarantee_name(GUARDS) == "GUARDS"
    assert sealmem.guarantee_name(3) is None and sealmem.GUARANTEES == 0x7F
    secret = bytearray(b"secret")
    assert sealmem.equal(secret, b"secret") and not sealmem.equal(secret, b"secreT")
    assert not sealmem.equal(secret, b"secret+")
    sealmem.wipe(secret)
    assert secret == bytes(6)
    expect(TypeError, sealmem.wipe, b"constant")
    refused(errno.EOPNOTSUPP, abc().keep_available)
    assert in_child(sealmem.report_faults) == 0


def test_no_object_is_copied_or_pickled(_):
    heap = sealmem.Heap("h", 1 << 16)
    for one in (abc(), heap, heap.alloc(1)):
        expect(TypeError, copy.copy, one)
        expect(TypeError, pickle.dumps, one)


def test_no_type_has_a_subclass_or_changes(_):
    for kind in (sealmem.Region, sealmem.Heap, sealmem.Secret, sealmem.Publisher, sealmem.Subscription):
        expect(TypeError, type, "Mine", (kind,), {})
        expect(TypeError, setattr, kind, "free", None)


def test_the_stubs_have_what_the_package_has(_):
    stubs = pathlib.Path(sealmem.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    public = [name for name in vars(sealmem) if not name.startswith("_")]
    tap.expect_none(name for name in public if not re.search(rf"^(def|class) {name}\b|^{name}: ", stubs, re.MULTILINE))
    for kind in (sealmem.Region, sealmem.Heap, sealmem.Secret, sealmem.Publisher, sealmem.Subscription):
        text = re.search(rf"^class {kind.__name__}:\n(.*?)(?=^\S)", stubs, re.MULTILINE | re.DOTALL)[1]
        members = {name for name in vars(kind) if not name.startswith("_")}
        assert members == set(re.findall(r"def ([a-z]\w*)\(", text)), kind
    assert pathlib.Path(sealmem.__file__).with_name("py.typed").exists()
    assert all(inspect.getdoc(getattr(sealmem, name)) for name in public if callable(getattr(sealmem, name)))


def test_100_000_regions_leave_nothing(_):
    def make(count):
        for number in range(count):
            region = sealmem.Region.from_bytes("many", b"x" * 100)
            memoryview(region)[0]
            if number % 2:
                region.free()

    make(1000)
    before, references = held(), sys.getrefcount(sealmem.Region)
    make(100_000 * int(os.environ.get("SEALMEM_TEST_SCALE", "100")) // 100)
    after = held()
    assert after[:2] == before[:2], (before, after)
    assert sys.getrefcount(sealmem.Region) - references < 100
    assert after[2] - before[2] < 256, f"{after[2] - before[2]} pages more"


def test_errors_leave_nothing(_):
    before = None
    for number in range(3000):
        if number == 1000:
            before = held()
        refused(errno.EINVAL, sealmem.Region.open, "x", 0)
        expect(TypeError, sealmem.wipe, abc())
        heap = sealmem.Heap("x", 1 << 16)
        refused(errno.ENOMEM, heap.alloc, 1 << 20)
    after = held()
    assert after[:2] == before[:2] and after[2] - before[2] < 256, (before, after)


def main():
    tests = {name: guarded(test) for name, test in globals().items() if name.startswith("test_")}
    return tap.run(types.SimpleNamespace(**tests), pathlib.Path(sys.argv[1]))


sys.exit(main())
