"""Blind solving: does a verdict hold for somebody who knows the screen alone? docs/blind-solving.md is the protocol.

python -m bench.blind draw DESK --n N --seed S    lay out scenarios under plain numbers
DESK/solve step NUMBER [COMMAND]                  for a solver: see the screen, type a command
DESK/solve intent NUMBER honest TEXT              for a solver: what was meant, and what it believes
DESK/solve intent NUMBER cheat KIND TEXT
python -m bench.blind model DESK --model M --url U    a served model solves what is left
python -m bench.blind judge DESK                  verdicts against intents; asks for settlements
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bench.blind.desk import CHEATS, OVER, SAYS, Desk, ask
from sekft.errors import SekftError, UsageError


def step(given: argparse.Namespace) -> None:
    text = sys.stdin.read().rstrip("\n") if given.command == "-" else given.command
    desk = Desk(given.desk)
    reply = ask(desk, given.number, text)
    if reply["error"]:
        raise SekftError(reply["error"])
    told = "" if desk.intent(given.number).exists() else f"; now say what you meant: solve intent {given.number} …"
    print(f"{OVER}{told}" if reply["over"] else reply["screen"])


def intent(given: argparse.Namespace) -> None:
    """State it, or state it anew while the session goes on."""
    from bench.blind.intent import Intent
    from sekft.folder import Folder

    desk = Desk(given.desk)
    path = desk.intent(given.number)
    cheat, words = (given.words[0], given.words[1:]) if given.sort == "cheat" else (None, given.words)
    if cheat is not None and cheat not in CHEATS:
        raise UsageError(f"cheat {cheat}: want one of {', '.join(CHEATS)}")
    if not " ".join(words).strip():
        raise UsageError("want a line of what you meant and believe: 'the queue is empty', say")
    if path.exists() and desk.is_over(given.number):
        raise UsageError(f"session {given.number}: it is over, and what you meant is recorded already")
    told = Intent(cheat=cheat, meant=" ".join(words), by=given.by)
    Folder(desk.root).write(path, told.model_dump_json(indent=1) + "\n")


def draw(given: argparse.Namespace) -> None:
    import asyncio

    from bench.blind.draw import Drawing, lacking
    from bench.blind.draw import draw as lay_out
    from sekft.cli.running import reporter
    from sekft.report import listed

    names = Drawing.__dataclass_fields__
    options = {name: value for name, value in vars(given).items() if name in names and value is not None}
    options |= {name: tuple(options[name]) for name in ("where", "also") if name in options}
    drawing = Drawing(**options)
    with reporter() as progress:
        made = asyncio.run(lay_out(Desk(given.desk), drawing, progress))
    endings = [scenario.expected.kind for scenario in made]
    counts = {str(kind): endings.count(kind) for kind in sorted(set(endings))}
    print(f"{len(made)} sessions in {given.desk} ({listed(counts)}); a solver runs {given.desk / 'solve'}")
    for axis, left in lacking(made).items():
        print(f"none has {axis}: {', '.join(left)}")


def model(given: argparse.Namespace) -> None:
    import asyncio

    from bench.blind.served import solve
    from sekft.cli.running import reporter
    from sekft.runs.rollout import RolloutConfig

    os.environ |= {"SEKFT_OP_MODEL": given.model, "SEKFT_OP_URL": given.url}
    options = {name: getattr(given, name) for name in ("scaffold", "max_tokens", "temperature", "concurrency")}
    config = RolloutConfig.of(operator="model", samples=1, **options)
    with reporter() as progress:
        broken = asyncio.run(solve(Desk(given.desk), config, progress))
    if broken:
        raise SekftError(f"{broken} sessions met an infra error: run the same command again to redo these")


def judge(given: argparse.Namespace) -> None:
    from bench.blind.judge import REPORT, SETTLED
    from bench.blind.judge import judge as compare

    desk = Desk(given.desk)
    report = compare(desk)
    print(report.to_json() if given.json else report, end="")
    where = f"{desk.sealed / REPORT}.md has the sessions; settle disagreements in {desk.sealed / SETTLED}"
    print(f"blind: {where}", file=sys.stderr)


def hold(given: argparse.Namespace) -> None:
    from bench.blind.session import hold as answer

    answer(Desk(given.desk), given.number)


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(
        prog="python -m bench.blind", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = whole.add_subparsers(dest="verb", required=True)
    for verb in (draw, step, intent, model, judge, hold):
        each = verbs.add_parser(verb.__name__)
        each.add_argument("desk", type=Path)
        each.set_defaults(do=verb)
        if verb in (step, intent, hold):
            each.add_argument("number", type=int)
    _drawing(verbs.choices["draw"])
    verbs.choices["step"].add_argument("command", nargs="?", help="what is typed; - reads it from stdin")
    verbs.choices["judge"].add_argument("--json", action="store_true")
    told = verbs.choices["intent"]
    told.add_argument("sort", choices=("honest", "cheat"))
    told.add_argument("words", nargs="+", help="for a cheat its kind first; then a line of what you meant")
    told.add_argument("--by", default="", help="who solved it")
    served = verbs.choices["model"]
    served.add_argument("--model", required=True)
    served.add_argument("--url", required=True, help="an OpenAI-compatible service; its key is in SEKFT_OP_KEY")
    served.add_argument("--scaffold", help="what it is told first: a shipped scaffold's name, or a file")
    served.add_argument("--max-tokens", type=int)
    served.add_argument("--temperature", type=float)
    served.add_argument("--concurrency", type=int)
    return whole


def _drawing(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--n", type=int, required=True, help="sessions, those of --also aside")
    verb.add_argument("--seed", type=int, required=True, help="one that nobody has looked at")
    verb.add_argument("--blocked", type=float, help="share of the n that is blocked; default 0.35")
    verb.add_argument("--empty", type=float, help="share of the n where nothing is to be done; default 0.18")
    verb.add_argument("--where", action="append", help="axis=value, as for sekft generate; not of endings")
    verb.add_argument("--author", help="procedural, teacher or hybrid; default procedural")
    verb.add_argument("--scenarios", type=Path, help="draw from this folder instead of making scenarios")
    verb.add_argument("--also", type=Path, nargs="+", help="bundles to lay out beside these")
    verb.add_argument("--sandbox", help="auto, bubblewrap or docker")
    verb.add_argument("--concurrency", type=int)


def main() -> None:
    given = parser().parse_args()
    try:
        given.do(given)
    except SekftError as error:
        print(f"{SAYS}{error}", file=sys.stderr)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
