# SPDX-License-Identifier: MIT
"""
The declarations of sealmem.h in Rust: sealmem-sys/src/declarations.rs is what this program prints, and a test compares
them. So a changed argument in the header is not a crash of a program in Rust.

    declarations.py SOURCE >bindings/rust/sealmem-sys/src/declarations.rs
"""

import pathlib
import re
import sys

HEAD = """// SPDX-License-Identifier: MIT

// What sealmem.h declares. tests/bindings/rust/declarations.py prints this file, and a test compares them.

use std::os::raw::{c_char, c_int, c_uint, c_ulong, c_void};
"""
NUMBERS = {
    "int": "c_int",
    "unsigned": "c_uint",
    "unsigned long": "c_ulong",
    "size_t": "usize",
    "uint64_t": "u64",
    "char": "c_char",
    "void": "c_void",
}
HIDDEN = "    _hidden: [u8; 0],\n    _marker: core::marker::PhantomData<(*mut u8, core::marker::PhantomPinned)>,\n"
KEYWORDS = {"type", "move", "ref", "where"}


def code(root):
    """The header without comments, macros and attributes."""
    text = (root / "include" / "sealmem.h").read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)
    return re.sub(r"SEALMEM_MUST_CHECK_ |SEALMEM_(ALLOC_SIZE|READS|WRITES)_\([^)]*\)", "", text)


def of_type(words, stars):
    constant = "const" in words
    name = " ".join(word for word in words if word not in ("const", "struct"))
    found = NUMBERS.get(name, name)
    for star in range(stars):
        found = f"*{'const' if constant and star == 0 else 'mut'} {found}"
    return found


def parameter(text):
    """A name and a type of Rust, of "const char *name"; a callback is an Option of a function."""
    function = re.fullmatch(r"\s*(.+?)\(\*(\w+)\)\((.*)\)\s*", text, re.DOTALL)
    if function:
        arguments = ", ".join(f"{name}: {kind}" for name, kind in parameters(function[3]))
        return function[2], f'Option<unsafe extern "C" fn({arguments}) -> {of_type(function[1].split(), 0)}>'
    words = re.findall(r"\w+", text)
    return words[-1] + ("_" if words[-1] in KEYWORDS else ""), of_type(words[:-1], text.count("*"))


def parameters(text):
    """Commas within a callback separate nothing."""
    return [parameter(one) for one in re.split(r",(?![^(]*\))", text) if one.strip() not in ("", "void")]


def functions(text):
    for kind, stars, name, arguments in re.findall(
        r"^((?:const |struct |unsigned |\w+ )+?)\s*(\**)(sealmem_\w+)\(((?:[^()]|\([^()]*\))*(?:\([^()]*\)[^()]*)*)\)\s*;",
        text,
        re.MULTILINE,
    ):
        listed = ", ".join(f"{one}: {of}" for one, of in parameters(arguments))
        returned = "" if kind.strip() == "void" and not stars else f" -> {of_type(kind.split(), len(stars))}"
        yield name, f"    pub fn {name}({listed}){returned};\n"


def field(text):
    """The fields of "struct pages text, data" share the words before the last one of the first."""
    first, *more = text.split(",")
    name, kind = parameter(first)
    base = kind.split(" ")[-1]
    yield name, kind
    for one in more:
        pointer = "*const " if "*" in one and "const" in first else ""
        yield one.strip(" *"), pointer + base


def structures(text):
    for name in sorted(set(re.findall(r"^struct (sealmem_\w+);", text, re.MULTILINE))):
        yield f"#[repr(C)]\npub struct {name} {{\n{HIDDEN}}}\n"
    for name, body in re.findall(r"^struct (sealmem_\w+) \{(.*?)^\};", text, re.MULTILINE | re.DOTALL):
        rows = [row for one in body.split(";") if one.strip() for row in field(one)]
        fields = "".join(f"    pub {one}: {kind},\n" for one, kind in rows)
        yield f"#[repr(C)]\n#[derive(Clone, Copy)]\npub struct {name} {{\n{fields}}}\n"


def page(root):
    text = code(root)
    declared = "".join(row for _, row in sorted(functions(text)))
    return HEAD + "\n" + "\n".join(structures(text)) + f'\nextern "C" {{\n{declared}}}\n'


if __name__ == "__main__":
    print(page(pathlib.Path(sys.argv[1])), end="")
