# SPDX-License-Identifier: MIT
"""
What people read about kernels is what the kernels said: the picture, the table of README.md and that of sealmem(7) are
those of docs/kernels.json, and each row of the matrix is in them, or named as one that is not available.

    drawn.py SOURCE
"""

import copy
import pathlib
import shutil
import sys
import tempfile
import xml.etree.ElementTree

import holds
import picture
import record
import tap

SVG = "{http://www.w3.org/2000/svg}"


def kernels_of(source):
    return record.load(source)


def changed(source, act):
    """The data after `act` on the first kernel that was attacked."""
    kernels = copy.deepcopy(kernels_of(source))
    act(next(kernel for kernel in kernels if kernel["status"] == "ran" and kernel["users"]["root"]["attacked"]))
    return kernels


def test_each_row_of_the_matrix_has_its_data(source):
    named = [row["name"] for row in record.matrix(source)]
    known = [kernel["name"] for kernel in kernels_of(source)]
    assert known == named, f"run --survey --record --only NAME for what differs: {set(named) ^ set(known)}"


def test_what_the_matrix_says_of_a_row_is_in_its_data(source):
    rows = {row["name"]: row for row in record.matrix(source)}
    tap.expect_none(
        f"{kernel['name']}: {key} is {kernel[key]}, and not {value}"
        for kernel in kernels_of(source)
        for key, value in rows[kernel["name"]].items()
        if kernel[key] != value
    )


def test_a_kernel_that_ran_was_asked_everything(source):
    targets = [target.lower() for target in (*holds.GUARANTEES[:3], *picture.OTHERS)]

    def faults():
        for kernel in (kernel for kernel in kernels_of(source) if kernel["status"] == "ran"):
            for name in ("root", "plain"):
                user = kernel["users"][name]
                missing = {*holds.GUARANTEES, holds.EMULATED} - set(user["gives"]) | set(record.FOUND) - set(user["found"])
                missing |= set(targets) - set(user["attacked"]) if user["attacked"] else set()
                if missing:
                    yield f"{kernel['name']}, {name}: nothing is known of {', '.join(sorted(missing))}"

    tap.expect_none(faults())


def test_a_kernel_that_did_not_run_says_why(source):
    tap.expect_none(
        kernel["name"] for kernel in kernels_of(source) if kernel["status"] == "gone" and not kernel.get("reason")
    )


def test_the_picture_and_the_tables_are_those_of_the_data(source):
    tap.expect_none(
        f"{path.relative_to(source)} is not that of the data: python3 tests/kernels/record.py . makes it"
        for path, text in record.make(source)
        if path.read_text(encoding="utf-8") != text
    )


def test_each_row_of_the_matrix_is_in_the_picture(source):
    drawn = xml.etree.ElementTree.parse(source / picture.PATH).getroot()
    texts = [text.text for text in drawn.iter(f"{SVG}text")]
    tap.expect_none(row["name"] for row in record.matrix(source) if texts.count(row["name"]) != 1)
    tap.expect_none(
        kernel["name"] for kernel in kernels_of(source) if picture.why(kernel) and picture.why(kernel) not in texts
    )


def test_the_picture_has_a_title_and_both_schemes(source):
    text = (source / picture.PATH).read_text(encoding="utf-8")
    drawn = xml.etree.ElementTree.fromstring(text)
    assert drawn.get("role") == "img" and drawn.get("aria-labelledby") == "title text", drawn.attrib
    assert drawn.find(f"{SVG}title").text and drawn.find(f"{SVG}desc").text
    assert "prefers-color-scheme: dark" in text


def test_the_README_shows_the_picture(source):
    assert f"]({picture.PATH})" in (source / "README.md").read_text(encoding="utf-8")


def test_a_broken_promise_is_drawn(source):
    def break_one(kernel):
        kernel["users"]["root"]["attacked"]["content"]["broken"] = 3

    drawn = picture.draw(changed(source, break_one))
    assert 'class="broken"' in drawn
    assert drawn.count("3 BROKEN") == picture.draw(kernels_of(source)).count("3 BROKEN") + 1


def test_what_one_user_lacks_is_drawn_as_lacking(source):
    def take_away(kernel):
        kernel["users"]["plain"]["gives"]["GUARDS"] = "EPERM"

    assert picture.draw(changed(source, take_away)).count("✗") == picture.draw(kernels_of(source)).count("✗") + 1


def test_a_series_that_answers_in_two_ways_is_no_row(source):
    def take_away(kernel):
        kernel["users"]["plain"]["gives"]["CONTENT"] = "EPERM"

    try:
        list(holds.rows(changed(source, take_away)))
    except AssertionError as fault:
        assert "CONTENT" in str(fault), fault
    else:
        raise AssertionError("it has a row")


def test_a_run_of_one_kernel_keeps_the_others(source):
    first, second = (row["name"] for row in record.matrix(source)[:2])
    with tempfile.TemporaryDirectory() as place:
        copied = pathlib.Path(place)
        (copied / "docs").mkdir()
        (copied / "tests/kernels").mkdir(parents=True)
        shutil.copy(source / "tests/kernels/matrix", copied / "tests/kernels")
        record.merge(copied, [f"{first} ran 1.0 4096", f"{first} root gives CONTENT yes", f"{second} gone no such suite"])
        record.merge(copied, [f"{second} ran 2.0 4096"])
        kernels = record.load(copied)
        for reason in record.UNTRIED:
            record.merge(copied, [f"{first} gone {reason}"])
            assert record.load(copied) == kernels, reason
        record.merge(copied, [f"{first} crash  "])
        after = record.load(copied)
    assert [kernel["release"] for kernel in kernels[:2]] == ["1.0", "2.0"], kernels
    assert {kernel["status"] for kernel in kernels[2:]} == {"new"}, kernels
    assert kernels[0]["users"]["root"]["gives"] == {"CONTENT": "yes"}, kernels
    assert "users" not in after[0] and after[0]["status"] == "crash", after


def test_a_run_without_attacks_keeps_those_on_the_same_kernel(source):
    def kernel(release, attacked):
        return {"release": release, "users": {"root": {"attacked": attacked}}}

    before = kernel("1.0", {"content": {"held": 3}})
    for release, kept in (("1.0", {"content": {"held": 3}}), ("1.1", {})):
        after = kernel(release, {})
        record.keep_attacks(after, before)
        assert after["users"]["root"]["attacked"] == kept, (release, after)


sys.exit(tap.run(sys.modules[__name__], pathlib.Path(sys.argv[1])))
