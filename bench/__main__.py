"""All benchmarks: what a sandbox costs in plain spawns, then what the pipeline does in a second."""

from __future__ import annotations

import asyncio

from bench import pipeline, sandbox
from sekft.sandboxes.userland import NAMES


async def main() -> None:
    for userland in NAMES:
        await sandbox.main(userland)
        print()
    await pipeline.main()


asyncio.run(main())
