# SPDX-License-Identifier: MIT
"""
Draws docs/kernels.svg from the data that record.py keeps: a line for each kernel, a cell for each guarantee with how the
kernel gives it, and below it how many attacks on memory that promises it were held. A colour never says anything alone.
"""

import html

import holds

PATH = "docs/kernels.svg"

WIDTH, HEAD, LINE, FOOT = 704, 84, 38, 78
LABEL = 164
BROAD, NARROW = 110, 24

# What the other promises of a heap and of the filter are called by the attacks.
OTHERS = ("availability", "access", "heap")

WORDS = {"yes": "yes", "enabled": "if enabled", "filter": "by filter", "no": "no"}

STYLE = """
    text { font: 13px "DejaVu Sans", Verdana, sans-serif; fill: #1f2328; }
    .head { font-weight: bold; }
    .small { font-size: 11px; fill: #59636e; }
    .paper { fill: #ffffff; }
    rect { stroke: #ffffff; stroke-width: 2; }
    .yes, .enabled { fill: #cdf0d5; }
    .filter { fill: #fbeab0; }
    .no, .gone { fill: #e6eaee; }
    .broken { fill: #ffc9c4; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .small { fill: #b1bac4; }
      .paper { fill: #0d1117; }
      rect { stroke: #0d1117; }
      .yes, .enabled { fill: #14401f; }
      .filter { fill: #4d3b00; }
      .no, .gone { fill: #262c33; }
      .broken { fill: #6e1a14; }
    }
"""


def attacked(kernel, targets, count):
    """How many attacks of a kind of result, by root and by a plain user."""
    users = kernel.get("users", {}).values()
    return sum(user["attacked"].get(target, {}).get(count, 0) for user in users for target in targets)


def result(kernel, targets):
    """The attacks in words: "230 held, 4 open", or what is broken."""
    if not all(user["attacked"] for user in kernel["users"].values()):
        return "not attacked"
    if attacked(kernel, targets, "broken"):
        return f"{attacked(kernel, targets, 'broken')} BROKEN"
    counts = {count: attacked(kernel, targets, count) for count in ("held", "open")}
    return ", ".join(f"{number} {count}" for count, number in counts.items() if number)


def unclear(kernel, targets):
    number = attacked(kernel, targets, "unclear")
    return f"{number} unclear" if number else ""


def text(x, y, words, kind=""):
    return f'<text x="{x}" y="{y}"{kind and f" class={chr(34)}{kind}{chr(34)}"}>{html.escape(words)}</text>'


def box(x, y, width, kind):
    return f'<rect x="{x}" y="{y}" width="{width}" height="{LINE}" class="{kind}"/>'


def cell(x, y, kind, word, below):
    kind = "broken" if "BROKEN" in below else kind
    yield box(x, y, BROAD, kind) + text(x + 7, y + 16, word) + text(x + 7, y + 31, below, "small")


def cells(kernel, y):
    x = LABEL
    for guarantee in holds.GUARANTEES[:3]:
        kind = holds.answer(kernel, guarantee)
        targets = (guarantee.lower(),)
        word = ", ".join(filter(None, (WORDS[kind], unclear(kernel, targets))))
        yield from cell(x, y, kind, word, result(kernel, targets) if kind != "no" else "")
        x += BROAD
    for guarantee in holds.REST:
        kind = "yes" if holds.gives(kernel, guarantee) else "no"
        yield box(x, y, NARROW, kind) + text(x + 7, y + 24, "✓" if kind == "yes" else "✗")
        x += NARROW
    yield from cell(x, y, "yes", unclear(kernel, OTHERS), result(kernel, OTHERS))


def why(kernel):
    """Why a line has no cells, or None."""
    words = {
        "gone": "not available: " + kernel.get("reason", ""),
        "crash": "the kernel crashed",
        "new": "not booted yet for this picture",
    }
    return words.get(kernel["status"])


def about(kernel):
    page = f", {kernel['page'] // 1024} KiB" if kernel.get("page", 0) > 4096 else ""
    release = kernel.get("release", "").split("~")[0]
    return f"{release} {holds.ARCHES[kernel['arch']]}{page}".strip()


def line(kernel, y):
    yield text(8, y + 16, kernel["name"], "head")
    yield text(8, y + 31, about(kernel), "small")
    if why(kernel):
        yield box(LABEL, y, WIDTH - LABEL - 4, "gone") + text(LABEL + 7, y + 24, why(kernel))
    else:
        yield from cells(kernel, y)


def heads():
    yield text(8, HEAD - 10, "kernel", "head")
    x = LABEL
    for guarantee in holds.GUARANTEES[:3]:
        yield text(x + 7, HEAD - 10, guarantee, "head")
        x += BROAD
    for guarantee in holds.REST:
        yield f'<text x="0" y="0" transform="translate({x + 17},{HEAD - 6}) rotate(-90)" class="head">{guarantee}</text>'
        x += NARROW
    yield text(x + 7, HEAD - 10, "heap, filter", "head")


def feet(y):
    notes = (
        "held: attacks that changed nothing, by root and by a plain user together",
        "open: left open by design, see LEFT OPEN in sealmem(7)",
        "BROKEN: against a promise; unclear: the attack itself failed; not attacked: asked for its guarantees alone",
        "by filter: by a seccomp filter, if the program allows it; if enabled: by a setting at boot",
    )
    for number, note in enumerate(notes, 1):
        yield text(8, y + 4 + 16 * number, note, "small")


def describe(kernels):
    """The picture in two sentences, for those who do not see it."""
    ran = [kernel for kernel in kernels if kernel["status"] == "ran"]
    arches = {kernel["arch"] for kernel in ran}
    every = [target.lower() for target in (*holds.GUARANTEES[:3], *OTHERS)]
    held, broken = (sum(attacked(kernel, every, count) for kernel in ran) for count in ("held", "broken"))
    return (
        f"{len(ran)} kernels ran on {len(arches)} architectures, {len(kernels) - len(ran)} did not. "
        f"Memory held against {held} attacks on its promises, and {broken} broke one."
    )


def draw(kernels):
    height = HEAD + LINE * len(kernels) + FOOT
    parts = [*heads()]
    for number, kernel in enumerate(kernels):
        parts += line(kernel, HEAD + LINE * number)
    parts += feet(height - FOOT)
    lines = "\n  ".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-labelledby="title text">\n'
        f"  <!-- SPDX-License-Identifier: MIT -->\n"
        f'  <title id="title">What holds on which kernel</title>\n'
        f'  <desc id="text">{describe(kernels)}</desc>\n'
        f"  <style>{STYLE}  </style>\n"
        f'  <path d="M0 0h{WIDTH}v{height}H0z" class="paper"/>\n'
        f"  {lines}\n</svg>\n"
    )
