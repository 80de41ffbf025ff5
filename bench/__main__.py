"""All benchmarks: the table of targets, what a sandbox costs in plain spawns, what the pipeline does in a second."""

from __future__ import annotations

import argparse
import asyncio

from bench import pipeline, sandbox, table
from sekft.sandboxes.userland import NAMES


async def main() -> None:
    await table.main()
    for userland in NAMES:
        print()
        await sandbox.main(userland)
    print()
    await pipeline.main()


argparse.ArgumentParser(description=__doc__).parse_args()
asyncio.run(main())
