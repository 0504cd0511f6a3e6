# SPDX-License-Identifier: MIT
"""
Memory that cannot change once it is sealed.

A region is open first, and sealed later, as a whole:

>>> import sealmem
>>> with sealmem.Region.open("policy", 1 << 20) as policy:
...     with policy.alloc(9) as rule:
...         rule[:] = b"allow 443"
...     policy.seal()
...     bytes(policy)
b'allow 443'

Or it is made sealed from a buffer. Views of it are not writable, and numpy.frombuffer() copies nothing:

>>> table = sealmem.Region.from_bytes("table", bytes(range(4)))
>>> view = memoryview(table)
>>> view[3], view.readonly
(3, True)
>>> view[3] = 9
Traceback (most recent call last):
TypeError: cannot modify read-only memory

The kernel refuses what Python would not notice, as it refuses root:

>>> table.try_write(b"x")
Traceback (most recent call last):
sealmem.Error: [Errno 14] A page refuses the store, or the bytes cannot be read.

Memory goes when nobody can see it any more. To free it before is refused while there are views:

>>> table.free()
Traceback (most recent call last):
BufferError: the region has views, or a thread uses it: it cannot be freed
>>> view.release()
>>> table.free()

A heap has secrets that come and go. A secret is wiped when it goes:

>>> with sealmem.Heap("keys", 1 << 20) as heap, heap.alloc(32) as key:
...     with memoryview(key) as view:
...         view[:3] = b"abc"
...         len(view), bytes(view[:4])
(32, b'abc\\x00')

An error is a sealmem.Error, which is an OSError: its errno says what to do, and its text is a sentence for people. Guarantees
are a set: Guarantee.CONTENT | Guarantee.NODUMP.
"""

import enum as _enum
from typing import NamedTuple as _NamedTuple

from . import _sealmem
from ._sealmem import (
    EXTENTS_MAX,
    LABEL_MAX,
    NAME_MAX,
    PAGE_MAX,
    Error,
    Heap,
    Publisher,
    Region,
    Secret,
    Subscription,
    allow_emulation,
    equal,
    guarantee_name,
    load_verified,
    page_size,
    receive,
    report_faults,
    subscribe,
    version,
    wipe,
)

__version__ = version()

Guarantee = _enum.IntFlag(
    "Guarantee",
    {
        name: getattr(_sealmem, name)
        for name in ("CONTENT", "ADDRESS", "SECRECY", "NOSWAP", "NODUMP", "NOFORK", "GUARDS")
    },
    module=__name__,
)
CONTENT, ADDRESS, SECRECY, NOSWAP, NODUMP, NOFORK, GUARDS = Guarantee
GUARANTEES = Guarantee(_sealmem.GUARANTEES)

Image = _enum.IntFlag(
    "Image", {name: getattr(_sealmem, "IMAGE_" + name) for name in ("DEEP", "VDSO", "TRY")}, module=__name__
)


class ImagePages(_NamedTuple):
    """Pages of one kind: the guarantees that hold for all of them, and their size in bytes."""

    guarantees: int
    size: int


class ImageReport(_NamedTuple):
    """What seal_image() has sealed: struct sealmem_image_report in sealmem.h explains each."""

    objects: int
    left: int
    lazy: int
    excluding: int
    marked: int
    text: ImagePages
    read_only: ImagePages
    relro: ImagePages
    vdso: ImagePages
    data: ImagePages


class Published(_NamedTuple):
    """What a publisher says of one name."""

    name: str
    label: str
    generation: int
    size: int
    subscribers: int
    holders: int


def _report(found):
    return ImageReport(*found[:5], *(ImagePages(*pages) for pages in found[5:]))


def supported():
    """The guarantees that a region can have here."""
    return Guarantee(_sealmem.supported())


def seal_image(flags=0):
    """Seal the program itself: the interpreter, and the libraries that were mapped before it started."""
    return _report(_sealmem.seal_image(flags))


def seal_loaded(handle, flags=0):
    """Seal an object that dlopen(3) returned: `handle` is the _handle of ctypes.CDLL."""
    return _report(_sealmem.seal_loaded(handle, flags))


def list_published(socket):
    """What a publisher says of its names."""
    return [Published(*row) for row in _sealmem.list_published(socket)]


def accept(fd, guarantees=CONTENT, limit=None):
    """Take a descriptor from somebody who is not trusted, but only if nobody can change what it holds."""
    return Region.accept(fd, guarantees) if limit is None else Region.accept(fd, guarantees, limit)


def send(socket, region):
    """Send a sealed region over a Unix socket."""
    region.send(socket)
