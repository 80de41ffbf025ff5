"""A student in parts that travel: the weights that differ from its base, in bfloat16.

python -m bench.proof.parts split STUDENT BASE OUT     # OUT/student.part-00 …, 60 MB each
python -m bench.proof.parts join OUT BASE STUDENT      # a folder that `sekft eval --model` takes
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sekft.training.base_model import base_folder

PART_BYTES, WEIGHTS, PARTS = 60_000_000, "model.safetensors", "student.part-"


def split(student: Path, base: Path, out: Path) -> None:
    import torch
    from safetensors.torch import load_file, save

    before = load_file(base / WEIGHTS)
    changed = {
        name: tensor.to(torch.bfloat16)
        for name, tensor in load_file(student / WEIGHTS).items()
        if name not in before or not torch.equal(tensor.to(torch.bfloat16), before[name].to(torch.bfloat16))
    }
    body = save(changed)
    for path in out.glob(f"{PARTS}*"):
        path.unlink()
    for number, start in enumerate(range(0, len(body), PART_BYTES)):
        (out / f"{PARTS}{number:02}").write_bytes(body[start : start + PART_BYTES])
    print(f"{len(changed)} of {len(before)} tensors changed, {len(body) / 1e6:.0f} MB in bfloat16")


def join(parts: Path, base: Path, student: Path) -> None:
    from safetensors.torch import load, load_file, save_file

    body = b"".join(path.read_bytes() for path in sorted(parts.glob(f"{PARTS}*")))
    weights = load_file(base / WEIGHTS) | {name: tensor.float() for name, tensor in load(body).items()}
    shutil.copytree(base, student, ignore=shutil.ignore_patterns(WEIGHTS))
    save_file(weights, student / WEIGHTS, metadata={"format": "pt"})


def main() -> None:
    match sys.argv[1:]:
        case ["split", student, base, out]:
            split(Path(student), base_folder(base), Path(out))
        case ["join", parts, base, student]:
            join(Path(parts), base_folder(base), Path(student))
        case _:
            raise SystemExit((__doc__ or "").partition("\n\n")[2])


if __name__ == "__main__":
    main()
