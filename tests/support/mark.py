# SPDX-License-Identifier: MIT
"""
Gives a program or library what linkers of today do not know or warn of.

The section .gnu.mutable gets a segment PT_GNU_MUTABLE, as is proposed for linkers. A new entry would move the table of
headers, so an entry goes that nobody needs here: the one for unwinding, or what linkers for riscv64 write beside.

The note in .note.memory-seal, if there is one, gets the name of its vendor: see memory-seal.h.

    mark.py FROM TO
"""

import pathlib
import struct
import sys

PT_GNU_EH_FRAME = 0x6474E550
PT_ARM_EXIDX = 0x70000001
PT_RISCV_ATTRIBUTES = 0x70000003
SPARE = (PT_GNU_EH_FRAME, PT_ARM_EXIDX, PT_RISCV_ATTRIBUTES)
PT_GNU_MUTABLE = 0x6474F555
READ_AND_WRITE = 6
MUTABLE = b".gnu.mutable"
NOTE = b".note.memory-seal"
HEADER = 12
VENDOR = b"GNU"


class Elf:
    """The headers of a file, of either word size and byte order."""

    def __init__(self, data):
        self.data = data
        self.wide = data[4] == 2
        self.order = "<" if data[5] == 1 else ">"
        fields = self.take("QQ" if self.wide else "II", 32 if self.wide else 28)
        self.segments, self.sections = fields
        sizes = self.take("HHHHH", 54 if self.wide else 42)
        self.segment_size, self.segment_count, self.section_size, self.section_count, self.names = sizes

    def take(self, form, offset):
        return struct.unpack_from(self.order + form, self.data, offset)

    def section(self, number):
        """The place of the name, and address, offset and size."""
        at = self.sections + number * self.section_size
        name, _, *rest = self.take("IIQQQQ" if self.wide else "IIIIII", at)
        return name, *rest[1:]

    def find_section(self, wanted):
        names = self.section(self.names)[2]
        for number in range(self.section_count):
            name, address, offset, size = self.section(number)
            if self.data[names + name :].startswith(wanted + b"\0"):
                return address, offset, size
        return None

    def replace_segment(self, kinds, new_kind, address, offset, size):
        for number in range(self.segment_count):
            at = self.segments + number * self.segment_size
            if self.take("I", at)[0] not in kinds:
                continue
            if self.wide:
                form, fields = "IIQQQQQQ", (new_kind, READ_AND_WRITE, offset, address, address, size, size, 1)
            else:
                form, fields = "IIIIIIII", (new_kind, offset, address, address, size, size, READ_AND_WRITE, 1)
            struct.pack_into(self.order + form, self.data, at, *fields)
            return
        raise SystemExit("mark: no entry to replace")


def main(source, target):
    elf = Elf(bytearray(pathlib.Path(source).read_bytes()))
    elf.replace_segment(SPARE, PT_GNU_MUTABLE, *elf.find_section(MUTABLE))
    note = elf.find_section(NOTE)
    if note is not None:
        elf.data[note[1] + HEADER : note[1] + HEADER + len(VENDOR)] = VENDOR
    pathlib.Path(target).write_bytes(elf.data)
    pathlib.Path(target).chmod(0o755)


if __name__ == "__main__":
    main(*sys.argv[1:])
