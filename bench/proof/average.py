"""One student with the mean of several students' weights (model soups, arXiv 2203.05482).

    python -m bench.proof.average OUT STUDENT STUDENT …

Students: folders of `sekft train`, all from one base.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.proof.parts import WEIGHTS
from sekft.training.train import DONE


def average(out: Path, students: Sequence[Path]) -> None:
    """Writes OUT, which has the tokenizer and the configuration of the first student, and no report of a training."""
    from safetensors.torch import load_file, save_file

    first, *others = (load_file(student / WEIGHTS) for student in students)
    for other in others:
        for name, weights in other.items():
            first[name] += weights
    for weights in first.values():
        weights /= len(students)
    out.mkdir(parents=True, exist_ok=True)
    for file in students[0].iterdir():
        if file.suffix in (".json", ".jinja") and file.name != DONE:
            shutil.copy(file, out)
    save_file(first, out / WEIGHTS, metadata={"format": "pt"})


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit((__doc__ or "").partition("\n\n")[2])
    average(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
