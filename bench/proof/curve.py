"""Draws what ends right against the tokens that a student learnt from: curve.toml, with Wilson's intervals.

    python -m bench.proof.curve docs/pictures/curve.png

Wants the extra `report`.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

from vl_convert import vegalite_to_png

from sekft.evaluation.charts import SCALE
from sekft.evaluation.statistics import interval

HERE = Path(__file__).parent


def main(picture: Path) -> None:
    students = tomllib.loads((HERE / "curve.toml").read_text("utf-8"))["students"]
    spec = json.loads((HERE / "curve.vl.json").read_text("utf-8"))
    spec["data"] = {
        "values": [
            {"run": each["run"], "held": each["held"], "tokens": tokens}
            | interval([(right > at, 1) for at in range(of)]).model_dump()
            for each in students
            for tokens, right, of in each["points"]
        ]
    }
    picture.write_bytes(vegalite_to_png(vl_spec=json.dumps(spec), scale=SCALE))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit((__doc__ or "").partition("\n\n")[2])
    main(Path(sys.argv[1]))
