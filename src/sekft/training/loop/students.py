"""The model while it trains: which of its weights learn, in what arithmetic, and the folder that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sekft.errors import UsageError
from sekft.models import libraries
from sekft.training.loop import attention
from sekft.training.loop.packs import Pack

T = TypeVar("T")


class Student:
    """A causal language model of transformers on one device.

    layers: so many from the top learn, None for all weights.
    rank:  of adapters in these layers, which then learn alone; 0 for none.
    half:  whether all arithmetic is done in bfloat16; the optimiser then moves float32 copies of what learns, for its
           steps are smaller than a bfloat16 can tell. None: where this machine computes in it.
    lanes: how many packs go side by side: on a processor one a core, each on one thread, which keeps cores busier than
    several threads in every operation do.
    """

    def __init__(self, base: Path, layers: int | None, rank: int, seed: int, half: bool | None = None) -> None:
        """Raises UsageError when the model has fewer layers than asked for."""
        libraries.prepare()
        import torch
        from transformers import AutoModelForCausalLM

        attention.register()
        self.base, self.layers, self.rank = base, layers, rank
        self.device = libraries.device()
        self.half = libraries.bf16_here() if half is None else half
        self.lanes = torch.get_num_threads() if self.device == "cpu" else 1
        self._threads = ThreadPoolExecutor(self.lanes, "lane")
        torch.manual_seed(seed)
        self.model = AutoModelForCausalLM.from_pretrained(
            base, dtype=torch.float32, attn_implementation=attention.NAME, local_files_only=True
        )
        self._adapted = _choose(self.model, layers, rank)
        self.model.to(self.device).train()
        self._weights = self._moved = {name: at for name, at in self.model.named_parameters() if at.requires_grad}
        if self.half:
            self._weights = {name: at.detach().float().clone() for name, at in self._moved.items()}
            for weight in self.model.parameters():  # not buffers: rotations want exact frequencies
                weight.data = weight.data.bfloat16()

    def side_by_side(self, works: Sequence[Callable[[], T]]) -> Iterator[T]:
        """What each gives, in order, as many at once as there are lanes."""
        import torch

        if self.lanes == 1 or len(works) < 2:
            yield from (work() for work in works)
            return
        torch.set_num_threads(1)
        try:
            yield from self._threads.map(lambda work: work(), works)
        finally:
            torch.set_num_threads(self.lanes)

    def gradients(self, loss: Any) -> Sequence[Any]:
        """The loss's, one for each weight that learns."""
        import torch

        found: Sequence[Any] = torch.autograd.grad(loss, list(self._moved.values()))
        return found

    def add(self, gradients: Sequence[Any]) -> None:
        """Add a pack's gradients to what the optimiser will step along."""
        for weight, gradient in zip(self._weights.values(), gradients, strict=True):
            weight.grad = gradient.float() if weight.grad is None else weight.grad.add_(gradient)

    def weights(self) -> Mapping[str, Any]:
        """What learns, by name, in float32. After a change of it: `renew`."""
        return self._weights

    def renew(self) -> None:
        """Let the model compute with the weights as they are now."""
        import torch

        if self.half:
            with torch.no_grad():
                for name, weight in self._weights.items():
                    self._moved[name].copy_(weight)

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

    def save(self, into: Path) -> None:
        """A folder that any loader takes: the base's own weights where nothing was learnt, adapters merged."""
        import torch
        from transformers import AutoModelForCausalLM

        learnt = {name: weight.detach().cpu() for name, weight in self.weights().items()}
        whole = AutoModelForCausalLM.from_pretrained(self.base, dtype=torch.float32, local_files_only=True)
        adapted = _choose(whole, self.layers, self.rank)
        with torch.no_grad():
            for name, weight in whole.named_parameters():
                if name in learnt:
                    weight.copy_(learnt[name])
        if adapted is not None:
            whole = adapted.merge_and_unload()
        whole.save_pretrained(into)


def _choose(model: Any, count: int | None, rank: int) -> Any:
    """Mark what learns. Gives the model with adapters around it, None without."""
    layers = model.get_decoder().layers
    if count is not None and not 1 <= count <= len(layers):
        raise UsageError(f"--layers {count}: this model has {len(layers)}")
    first = len(layers) - (count or len(layers))
    if rank:
        import torch
        from peft import LoraConfig, LoraModel

        chosen = [
            name
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and any(module in layer.modules() for layer in layers[first:])
        ]
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=chosen)
        return LoraModel(model, config, "default")
    if count is not None:
        model.requires_grad_(False)
        for layer in layers[first:]:
            layer.requires_grad_(True)
    return None
