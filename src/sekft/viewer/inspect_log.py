"""Rollouts as a log of inspect: `.eval`, the zip that `inspect view` reads a sample at a time, or one JSON document.

Written by the format's own description, without inspect: its reader validates what a test writes (./dev soak).
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sekft
from sekft.errors import UsageError
from sekft.folder import explained
from sekft.viewer.pages import Pages
from sekft.viewer.query import NOTHING, Filters
from sekft.viewer.reading import Reading
from sekft.viewer.report import Written, sampled
from sekft.viewer.terminal import plain

VERSION = 2
SCORE = "right"


def write_log(pages: Pages, out: Path, most: int | None = None) -> Written:
    """A sample a rollout: its scenario is the id, and rollouts of one scenario are its epochs.

    most: rollouts to hold, a fair sample of them. Raises UsageError where there are none, StoreError.
    """
    places = sampled(pages)[:most] if most else _in_order(pages)
    if not places:
        raise UsageError(f"{pages.title}: holds no rollouts; want some for a log of inspect")
    unfinished = out.with_name(f".{out.name}.unfinished")
    with explained(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".eval":
            _write_zip(pages, places, unfinished)
        else:
            _write_json(pages, places, unfinished)
        unfinished.replace(out)
    total = pages.indexes.count(Filters())
    return Written(file=str(out), size_bytes=out.stat().st_size, rollouts=len(places), of=total)


Places = list[tuple[str, str]]


def _in_order(pages: Pages) -> Places:
    return [
        (row["run"], row["place"]) for row in pages.indexes.ask("SELECT run, place FROM rollouts ORDER BY run, place")
    ]


def _write_zip(pages: Pages, places: Places, file: Path) -> None:
    """One member a sample, so that memory holds one; the header last, when all is counted."""
    summaries = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as log:
        header = _header(pages, places)
        log.writestr("_journal/start.json", _json({name: header[name] for name in ("version", "eval", "plan")}))
        for sample in _samples(pages, places):
            log.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", _json(sample))
            summaries.append(_summary(sample))
        log.writestr("_journal/summaries/1.json", _json(summaries))
        log.writestr("summaries.json", _json(summaries))
        log.writestr("header.json", _json(header))


def _write_json(pages: Pages, places: Places, file: Path) -> None:
    with file.open("w", encoding="utf-8", errors="replace") as log:
        log.write(_json(_header(pages, places))[:-1] + ', "samples": [')
        for number, sample in enumerate(_samples(pages, places)):
            log.write((",\n" if number else "\n") + _json(sample))
        log.write("\n]}\n")


def _json(body: object) -> str:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace").decode()


def _header(pages: Pages, places: Places) -> dict[str, Any]:
    rows = [row for run, place in places if (row := pages.indexes.rollout(run, place))]
    actors = Counter(row["model"] or row["operator"] for row in rows)
    scenarios = list(dict.fromkeys(row["scenario"] for row in rows))
    right = sum(bool(row["right"]) for row in rows)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "version": VERSION,
        "status": "success",
        "eval": {
            "eval_id": "sekft",
            "run_id": "sekft",
            "created": now,
            "task": f"sekft/{pages.title}",
            "task_id": "sekft",
            "task_version": 0,
            "dataset": {"name": pages.title, "samples": len(scenarios), "sample_ids": scenarios, "shuffled": False},
            "model": next(iter(actors)) if len(actors) == 1 else "several",
            "config": {"epochs": max(Counter(row["scenario"] for row in rows).values())},
            "packages": {"sekft": sekft.__version__},
            "metadata": {"operators": dict(actors)},
        },
        "plan": {"name": "rollout", "steps": []},
        "results": {
            "total_samples": len(rows),
            "completed_samples": len(rows),
            "scores": [
                {
                    "name": SCORE,
                    "scorer": "sekft",
                    "metrics": {"accuracy": {"name": "accuracy", "value": right / len(rows)}},
                }
            ],
        },
        "stats": {"started_at": now, "completed_at": now},
    }


def _samples(pages: Pages, places: Places) -> Iterator[dict[str, Any]]:
    epochs: Counter[str] = Counter()
    for run, place in places:
        reading = pages.reading(run, place)
        name = reading.scenario_id or place.replace("/", "_").replace("#", "_")
        epochs[name] += 1
        yield _sample(reading, name, epochs[name], run)


def _sample(reading: Reading, name: str, epoch: int, run: str) -> dict[str, Any]:
    messages = _messages(reading)
    opening = [message for message in messages if message["role"] != "assistant"][:2]
    last = next((message for message in reversed(messages) if message["role"] == "assistant"), None)
    answer = last or {"role": "assistant", "content": "", "source": "generate"}
    tokens = reading.usage
    usage = {
        "input_tokens": tokens.prompt_tokens,
        "output_tokens": tokens.completion_tokens,
        "total_tokens": tokens.tokens,
    }
    return {
        "id": name,
        "epoch": epoch,
        "input": opening,
        "target": reading.expected or NOTHING,
        "messages": messages,
        "output": {"model": reading.who, "choices": [{"message": answer, "stop_reason": "stop"}], "usage": usage},
        "scores": {SCORE: _score(reading, str(answer["content"]))},
        "metadata": _metadata(reading, run),
        "model_usage": {reading.who: usage},
    }


def _messages(reading: Reading) -> list[dict[str, Any]]:
    """The deploy form; thoughts stand before what was typed, as inspect has them."""
    found: list[dict[str, Any]] = []
    if reading.turns and reading.turns[0].orientation:
        found.append({"role": "system", "content": reading.turns[0].orientation})
    for at, turn in enumerate(reading.turns):
        if turn.role == "env":
            found.append({"role": "user", "content": plain(turn.content), "source": "input"})
            continue
        thought = reading.thoughts.get(at)
        content: object = turn.content
        if thought:
            content = [{"type": "reasoning", "reasoning": thought}, {"type": "text", "text": turn.content}]
        found.append({"role": "assistant", "content": content, "source": "generate", "model": reading.who})
    return found


def _score(reading: Reading, answer: str) -> dict[str, Any]:
    value = "N" if reading.right is None else "C" if reading.right else "I"
    told = "; ".join(reading.reasons)
    check = f"check {reading.check.verdict}: {reading.check.output.strip()}" if reading.check else ""
    explanation = "\n".join(filter(None, (reading.outcome, told, check)))
    return {"value": value, "answer": answer[:500], "explanation": explanation, "metadata": {"keep": reading.keep}}


def _metadata(reading: Reading, run: str) -> dict[str, Any]:
    return {
        "run": run,
        "file": reading.place,
        "trajectory": reading.id,
        "operator": reading.operator.kind,
        "sample": reading.sample,
        "outcome": reading.outcome,
        "keep": reading.keep,
        "split": reading.split,
        "family": reading.family,
        "cell": dict(reading.cell),
        "mechanism": reading.mechanism.model_dump(),
        "mistakes": list(reading.mistakes),
        "effects": [effect.model_dump() for effect in reading.effects or ()],
    }


def _summary(sample: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "epoch", "input", "target", "metadata", "scores", "model_usage")
    return {**{name: sample[name] for name in names}, "completed": True, "message_count": len(sample["messages"])}
