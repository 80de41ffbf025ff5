"""A model of some ten thousand weights, made at random, that reads bytes and ChatML: quick enough for every test."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sekft.models import libraries
from sekft.training.base_model import training_template

LAYERS = 4
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def model(folder: Path, seed: int = 0) -> Path:
    """A Hugging Face folder of that model."""
    libraries.prepare()
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    tokenizer = _tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=LAYERS,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048, tie_word_embeddings=True,
        bos_token_id=1, eos_token_id=2, pad_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@cache
def shared() -> Path:
    """One such folder for all tests of a process, which must leave it as it is."""
    return model(Path(mkdtemp(prefix="sekft-tiny-")))


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {name: at for at, name in enumerate([*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    bytewise = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    bytewise.add_special_tokens(SPECIAL)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytewise, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = training_template()
    return tokenizer


def conversation(*typed: str) -> list[dict[str, str]]:
    """A session in deploy form in which that is typed."""
    turns = [{"role": "system", "content": "A shell. exit leaves it."}]
    for at, action in enumerate(typed):
        turns += [{"role": "user", "content": f"out {at}\n$ "}, {"role": "assistant", "content": action}]
    return turns


def written(file: Path, rows: list[dict[str, Any]]) -> Path:
    """The rows as JSONL."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def sessions(folder: Path, count: int = 8) -> Path:
    """A file of sessions that differ in what is printed and typed."""
    typed = [(f"read {at}", f"done {at * at}", "exit")[at % 2 :] for at in range(count)]
    return written(folder / "sft.jsonl", [{"messages": conversation(*actions)} for actions in typed])


def pairs(folder: Path, count: int = 6) -> Path:
    """A file of step-level pairs."""

    def row(at: int) -> dict[str, Any]:
        sides = {
            side: [{"role": "assistant", "content": text}]
            for side, text in (("chosen", f"take {at}"), ("rejected", "exit"))
        }
        return {"prompt": conversation(f"look {at}", "")[:-1], **sides}

    return written(folder / "dpo.jsonl", [row(at) for at in range(count)])
