"""What a local student's rollouts cost: `python -m bench.evaluation RUN [MODEL] [ROWS …]`.

The model answers at every turn of stored conversations, the explorer's, which then go on as they were: what a trained
student would have to read and say, whatever this one says. Each line: rows, then processor seconds and wall seconds.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sekft.folder import documents
from sekft.operators.student import Generator, Sampling
from sekft.training.base_model import base_folder
from sekft.trajectory import Trajectory, load_trajectory

ROLLOUTS, TOKENS = 32, 15
ROWS = ("1", "4", "16", "32")


async def replayed(generator: Generator, rolled: Sequence[Trajectory], rows: int) -> tuple[int, int]:
    """Tokens read and tokens said."""
    room, read, said = asyncio.Semaphore(rows), 0, 0

    async def one(made: Trajectory) -> None:
        nonlocal read, said
        async with room:
            messages = made.messages()
            for end in range(2, len(messages), 2):
                answer = await generator.ask(made.id, messages[:end], Sampling(max_tokens=TOKENS))
                said += answer.tokens
            read += answer.prompt_tokens

    await asyncio.gather(*map(one, rolled))
    return read, said


async def main(run: Path, model: str = "smollm2", *rows: str) -> None:
    rolled = [load_trajectory(path) for path in documents(run / "trajectories", "*/explorer-0.json")[:ROLLOUTS]]
    print(f"{len(rolled)} rollouts, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before")
    for many in map(int, rows or ROWS):
        generator = Generator(base_folder(model), many)
        await generator.ask("warm", [{"role": "user", "content": "$ "}], Sampling(max_tokens=2))
        wall_s, processor_s = time.monotonic(), time.process_time()
        read, said = await replayed(generator, rolled, many)
        wall_s, processor_s = time.monotonic() - wall_s, time.process_time() - processor_s
        print(
            f"{many:>4} rows  {processor_s:7.1f} s of processor, {wall_s:7.1f} s: {60 * len(rolled) / wall_s:.1f} "
            f"rollouts a minute, {read + said} tokens, {said} of them said",
            flush=True,
        )
        await generator.close()
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
