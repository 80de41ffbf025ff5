"""Processor time to parse an answer of 12 kB, by shape: `python -m bench.answers [ROUNDS]`. Wanted: below 5 ms each."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from sekft.operators.answers import parse_action
from sekft.shell import markup

SIZE = 12_000
SHAPES = {
    "one line, repeated": "ls -l /srv/data\n",
    "two letters, repeated": "ls\n",
    "lines that differ": "grep -n 'a b' /srv/data/file{n} | sort > out{n}\n",
    "one command with a long text": "word{n} and more ",
    "stray tags": "<note>x</note> ",
    "tags that nothing closes": "<a{n}> ",
    "tool calls": '<tool_call>{{"name": "sh", "arguments": {{"n": {n}}}}}</tool_call>\n',
    "quoted mentions": "echo '<think>' \"</think>\" '<|im_end|>'\n",
    "closings that nothing opened": "</think> ",
    "brackets": "[TOOL_CALLS] [x] ",
    "template tokens": "<|im_start|>assistant\n",
    "prose": "I would now list the folder, since nothing was said of it. ",
    "fences": "```sh\nls {n}\n```\n",
    "quotes that nothing closes": "echo 'a\" ",
    "here-documents": "cat > f{n} <<E\nx\nE\n",
    "substitutions": "echo $(echo $(echo {n}))\n",
}


def answer(shape: str) -> str:
    """The shape, repeated while it fits."""
    first = shape.format(n=0)
    return "".join(shape.format(n=at) for at in range(SIZE // len(first)))[:SIZE]


def milliseconds(call: Callable[[str], object], text: str, rounds: int) -> list[float]:
    took = []
    for _ in range(rounds):
        markup._written.cache_clear()
        start = time.process_time()
        call(text)
        took.append(1000 * (time.process_time() - start))
    return took


def main(rounds: int = 21) -> None:
    for what, shape in SHAPES.items():
        took = milliseconds(parse_action, answer(shape), rounds)
        print(f"{what:32} {statistics.median(took):6.2f} ms, at least {min(took):.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
