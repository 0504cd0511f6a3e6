# SPDX-License-Identifier: MIT
"""
The crates of Rust: their tests, those of their documentation, and the example, as a user builds them and without the
network. Their declarations are those of the header, and each use of `unsafe` says why it is sound.

    behaviour.py SOURCE LIBRARY PLACE

PLACE is a directory for what cargo builds.
"""

import glob
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

import built
import declarations
import tap
import tree

UNSAFE = re.compile(r"\bunsafe\s*(\{|impl\b|fn\b|extern \"C\" fn \w)")
KINDS = {"{": "blocks", "impl": "impls", "fn": "functions"}


class Crates:
    def __init__(self, source, library, place):
        self.source, self.library, self.place = source, library, place
        self.folder = source / "bindings" / "rust"

    def cargo(self, *arguments, flags="", **settings):
        """What cargo prints. The build is in PLACE, and so is whatever cargo keeps of its own."""
        if not shutil.which("cargo") or not shutil.which("rustc"):
            raise tap.Skip("cargo or rustc is not installed")
        environment = {
            **os.environ,
            "CARGO_TARGET_DIR": str(self.place / "target"),
            "CARGO_HOME": str(self.place / "home"),
            "SEALMEM_LIB_DIR": str(self.library.parent),
            "LD_LIBRARY_PATH": str(self.library.parent),
            "RUSTFLAGS": f"-D warnings {flags}",
            "RUSTDOCFLAGS": "-D warnings",
            "RUST_TEST_THREADS": "1",
            **settings,
        }
        command = ["cargo", *arguments, "--offline", "--locked", "-j2", "--manifest-path", self.folder / "Cargo.toml"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert ran.returncode == 0, f"{ran.stdout[-6000:]}{ran.stderr[-6000:]}exit status {ran.returncode}"
        return ran.stdout

    def sources(self):
        return sorted(path for crate in ("sealmem", "sealmem-sys") for path in (self.folder / crate).glob("src/*.rs"))


def show(text):
    """The skips, and what the tests that have no harness say."""
    for line in text.splitlines():
        if line.startswith(("# skip", "leaks:", "image:", "allocator:", "test result")):
            print(f"# {line.removeprefix('# ')}")


def test_the_declarations_are_those_of_the_header(crates):
    have = tree.read(crates.folder / "sealmem-sys" / "src" / "declarations.rs")
    assert have == declarations.page(crates.source), "declarations.rs is not what declarations.py prints"


def test_a_changed_argument_is_noticed(crates):
    with tempfile.TemporaryDirectory() as place:
        include = pathlib.Path(place) / "include"
        include.mkdir()
        text = tree.read(crates.source / "include" / "sealmem.h")
        changed = text.replace("sealmem_region_trim(struct sealmem_region *r, size_t size)", "sealmem_region_trim(struct sealmem_region *r, int size)")
        assert changed != text
        (include / "sealmem.h").write_text(changed, encoding="utf-8")
        assert declarations.page(pathlib.Path(place)) != declarations.page(crates.source)


def test_the_tests_and_those_of_the_documentation_pass(crates):
    show(crates.cargo("test", "--workspace"))


def test_the_example_shows_the_refusal(crates):
    assert crates.cargo("run", "--quiet", "--example", "policy") == "allow 443: errno 14\n"


def test_the_documentation_is_built_without_a_warning(crates):
    crates.cargo("doc", "--no-deps")


# A load of memory that was given back, which the sanitizer must find.
PLANTED = "fn main() { let v = vec![1u8; 10]; let p = v.as_ptr(); drop(v); std::process::exit(unsafe { *p } as i32 * 0); }"


def finds_what_is_planted(crates, flags):
    source, program = crates.place / "planted.rs", crates.place / "planted"
    source.write_text(PLANTED, encoding="utf-8")
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    subprocess.run(["rustc", *flags.split(), "-o", program, source], check=True, env=environment)
    ran = subprocess.run([program], capture_output=True, text=True, check=False)
    assert ran.returncode != 0 and "heap-use-after-free" in ran.stderr, ran.stderr


def linker(place, sysroot, target):
    """A linker that finds the runtime of AddressSanitizer: that of the compiler, or that of clang in its place."""
    if glob.glob(f"{sysroot}/lib/rustlib/{target}/lib/librustc-*rt.asan.a"):
        return "cc"
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    llvm = re.search(r"LLVM version: (\d+)", version)[1]
    found = glob.glob(f"/usr/lib/llvm-{llvm}/lib/clang/*/lib/linux/libclang_rt.asan-{platform.machine()}.a")
    if not found:
        raise tap.Skip(f"neither rustc nor clang {llvm} has the runtime of AddressSanitizer")
    program = place / "linker"
    program.write_text(
        '#!/bin/bash\nexec cc "${@/*librustc-*rt.asan.a/%s}"\n' % found[0].replace("/", "\\/"), encoding="utf-8"
    )
    program.chmod(0o755)
    return str(program)


def test_AddressSanitizer_finds_nothing(crates):
    """In all but the program that counts memory: the sanitizer keeps what was freed for a while."""
    if not shutil.which("rustc"):
        raise tap.Skip("cargo or rustc is not installed")
    asked = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True)
    target = f"{platform.machine()}-unknown-linux-gnu"
    link = linker(crates.place, asked.stdout.strip(), target)
    tests = ["--test", "api", "--test", "allocator", "--test", "image"]
    flags = f"-Zsanitizer=address -Clinker={link}"
    finds_what_is_planted(crates, flags)
    show(crates.cargo("test", *tests, "--target", target, flags=flags, RUSTC_BOOTSTRAP="1"))


def uses(text):
    """Each use of unsafe: the number of its line, and what it is."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        for match in UNSAFE.finditer(re.sub(r"//.*", "", line)):
            yield number, next(kind for sign, kind in KINDS.items() if sign in match[1])


def says_why(lines, number, kind):
    """A block and an impl have a SAFETY comment right before, a function a heading in its documentation."""
    if kind == "functions":
        top = next(line for line in reversed(lines[:number]) if line and not line.startswith((" ", "/", "}", "#")))
        documented = [line.strip() for line in lines[max(0, number - 12) : number]]
        return "/// # Safety" in documented or top.startswith("unsafe impl")
    before = []
    for line in reversed(lines[max(0, number - 7) : number + 1]):
        if not line.strip():
            break
        before.append(line)
    return any("// SAFETY:" in line for line in before)


def test_each_use_of_unsafe_says_why_it_is_sound(crates):
    tap.expect_none(
        f"{path.name}:{number + 1}: {kind}: no SAFETY comment"
        for path in crates.sources()
        for number, kind in uses(tree.read(path))
        if not says_why(tree.read(path).splitlines(), number, kind)
    )


def counted(crates):
    for path in crates.sources():
        kinds = [kind for _, kind in uses(tree.read(path))]
        if kinds:
            counts = " | ".join(str(kinds.count(kind)) for kind in KINDS.values())
            yield f"| `{path.relative_to(crates.folder)}` | {counts} |"


def test_the_unsafe_surface_is_what_UNSAFE_says(crates):
    rows = [line for line in tree.read(crates.folder / "UNSAFE.md").splitlines() if line.startswith("| `")]
    assert rows == list(counted(crates)), "\n".join(["UNSAFE.md should say:", *counted(crates)])


def test_unsafe_without_a_reason_is_noticed(_):
    lines = ["fn f() {", "    // SAFETY: nobody has it.", "    unsafe { g() };", "", "    unsafe { g() };", "}"]
    found = [(number, says_why(lines, number, kind)) for number, kind in uses("\n".join(lines))]
    assert found == [(2, True), (4, False)], found


sys.exit(built.run(sys.modules[__name__], "rust", Crates, sys.argv[1:4]))
