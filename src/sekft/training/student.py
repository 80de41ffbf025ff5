"""The model while it trains: which of its weights learn, in what arithmetic, and the folder that comes of it.

Attention looks at each span of a pack for itself, so that a pack needs neither padding nor a mask of its square.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sekft.errors import UsageError
from sekft.models import libraries
from sekft.models.libraries import causal
from sekft.training.data import Pack, Span

T = TypeVar("T")
NAME = "sekft_packed"


class Student:
    """A causal language model of transformers on one device.

    layers: so many from the top learn, None for all weights.
    rank:   of adapters in these layers, which then learn alone; 0 for none.
    half:   whether all arithmetic is done in bfloat16; the optimiser then moves float32 copies of what learns, for its
            steps are smaller than a bfloat16 can tell. None: where this machine computes in it.
    workers: how many packs run in parallel: on a CPU one a core, each on one thread, which keeps cores busier than
            several threads in every operation do.
    """

    def __init__(self, base: Path, layers: int | None, rank: int, seed: int, half: bool | None = None) -> None:
        """Raises UsageError when the model has fewer layers than that."""
        libraries.prepare()
        import torch
        from transformers import AutoModelForCausalLM

        register()
        self.base, self.layers, self.rank = base, layers, rank
        self.device = libraries.device()
        self.half = libraries.bf16_here() if half is None else half
        self.workers = torch.get_num_threads() if self.device == "cpu" else 1
        self._threads = ThreadPoolExecutor(self.workers, "worker")
        torch.manual_seed(seed)
        self.model = AutoModelForCausalLM.from_pretrained(
            base, dtype=torch.float32, attn_implementation=NAME, local_files_only=True
        )
        _select(self.model, layers, rank)
        self.model.to(self.device).train()
        self._learning = {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}
        self._weights = self._learning
        if self.half:
            self._weights = {name: weight.detach().float().clone() for name, weight in self._learning.items()}
            for weight in self.model.parameters():  # not buffers: rotations want exact frequencies
                weight.data = weight.data.bfloat16()

    def weights(self) -> Mapping[str, Any]:
        """What learns, by name, in float32. After a change of it: `refresh`."""
        return self._weights

    def refresh(self) -> None:
        """Let the model compute with the weights as they are now."""
        import torch

        if self.half:
            with torch.no_grad():
                for name, weight in self._weights.items():
                    self._learning[name].copy_(weight)

    def logprobs(self, pack: Pack) -> Any:
        """The log-probability of every learnt token: (targets,). The head is computed for these alone."""
        import torch

        def tensor(numbers: tuple[int, ...]) -> Any:
            return torch.tensor(numbers, device=self.device)

        logits = self.model(
            input_ids=tensor(pack.ids)[None],
            position_ids=tensor(pack.positions)[None],
            logits_to_keep=tensor(pack.sources),
            spans=pack.spans,
            use_cache=False,
        ).logits[0]
        return -torch.nn.functional.cross_entropy(logits.float(), tensor(pack.targets), reduction="none")

    def gradients(self, loss: Any) -> Sequence[Any]:
        """The loss's, one for each weight that learns."""
        import torch

        gradients: Sequence[Any] = torch.autograd.grad(loss, list(self._learning.values()))
        return gradients

    def accumulate(self, gradients: Sequence[Any]) -> None:
        """Add a pack's gradients to those that the optimiser steps along."""
        for weight, gradient in zip(self._weights.values(), gradients, strict=True):
            weight.grad = gradient.float() if weight.grad is None else weight.grad.add_(gradient)

    def in_parallel(self, jobs: Sequence[Callable[[], T]]) -> Iterator[T]:
        """The jobs' results in order, as many jobs at once as there are workers."""
        import torch

        if self.workers == 1 or len(jobs) < 2:
            yield from (job() for job in jobs)
            return
        torch.set_num_threads(1)
        try:
            yield from self._threads.map(lambda job: job(), jobs)
        finally:
            torch.set_num_threads(self.workers)

    def save(self, into: Path) -> None:
        """A folder that any loader takes: the base's own weights where nothing was learnt, adapters merged."""
        import torch
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(self.base, dtype=torch.float32, local_files_only=True)
        adapted = _select(model, self.layers, self.rank)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if name in self._weights:
                    weight.copy_(self._weights[name].detach())
        (model if adapted is None else adapted.merge_and_unload()).save_pretrained(into)


def _select(model: Any, count: int | None, rank: int) -> Any:
    """Mark what learns. Gives the model with adapters around it, None without."""
    layers = model.get_decoder().layers
    if count is not None and not 1 <= count <= len(layers):
        raise UsageError(f"--layers {count}: this model has {len(layers)}")
    top = layers[len(layers) - (count or len(layers)) :]
    if rank:
        import torch
        from peft import LoraConfig, LoraModel

        within = {module for layer in top for module in layer.modules() if isinstance(module, torch.nn.Linear)}
        names = [name for name, module in model.named_modules() if module in within]
        return LoraModel(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names), "default")
    if count is not None:
        model.requires_grad_(False)
        top.requires_grad_(True)
    return None


def register() -> None:
    """Make it known to transformers, for `attn_implementation`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)


def attend(
    module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, spans: Sequence[Span], **_: Any
) -> tuple[Any, None]:
    """As transformers calls it. query: (1, heads, tokens, width); key, value: (1, fewer heads, tokens, width).

    Gives (1, tokens, heads, width).
    """
    import torch

    del module, mask
    parts = [_span(span, query[0], key[0], value[0], scaling) for span in spans]
    return torch.cat(parts, dim=1).transpose(0, 1).unsqueeze(0), None


def _span(span: Span, query: Any, key: Any, value: Any, scaling: float) -> Any:
    import torch

    query, heads = query[:, span.start : span.end], key.shape[0]
    keys, values = (_visible(part, span) for part in (key, value))
    if query.device.type == "cpu":
        return causal((query * scaling).unflatten(0, (heads, -1)), keys, values).flatten(0, 1)
    group = query.shape[0] // heads
    keys, values = keys.repeat_interleave(group, 0), values.repeat_interleave(group, 0)
    own, whole = query.shape[1], keys.shape[1]
    visible = torch.ones(own, whole, dtype=torch.bool, device=query.device).tril(whole - own)
    return torch.nn.functional.scaled_dot_product_attention(query, keys, values, attn_mask=visible, scale=scaling)


def _visible(part: Any, span: Span) -> Any:
    """Keys or values of the span's stem, then its own."""
    import torch

    own = part[:, span.start : span.end]
    return torch.cat([part[:, slice(*span.stem)], own], dim=1) if span.stem else own
