"""Take a folder of bundles of version 1 to today's version: `python -m bench.migrate FROM TO`.

A migrated bundle is written where the gate admits it. What it refuses is told: a checker that wants more than its
directive says is for a person to loosen, and so are the right solutions that it was never asked to accept.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sekft import sandboxes
from sekft.folder import documents
from sekft.gate import admit
from sekft.rejection import Rejected
from sekft.scenario import load_scenario, migrated


async def main(source: str, out: str) -> None:
    sandbox, folder = sandboxes.pick("auto"), Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for path in documents(Path(source)):
        result = await admit(migrated(load_scenario(path)), sandbox)
        if isinstance(result, Rejected):
            print(f"{path.name}: refused: {result.reason}: {result.detail}")
        else:
            made = folder / f"{result.scenario.id}.json"
            made.write_text(result.scenario.to_json(), encoding="utf-8")
            print(f"{path.name}: {made}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
