"""What a trained network loses without one of its SE blocks: the gates are set to 1, and the test is run again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from senet_mm.analysis.excitation.blocks import excite_replaced, own_gates
from senet_mm.data.errors import DataError
from senet_mm.layers import SEBlock

# The metric of a toolbox's evaluator → what it is called in %, and by what it is multiplied for that. The higher, the
# better.
METRICS = {'accuracy/top1': ('top-1 accuracy', 1.0), 'coco/bbox_mAP': ('AP', 100.0)}


@dataclass(frozen=True)
class Ablation:
    """What was measured, in %.

    Attributes:
        metric: Its name.
        whole: Of the network as it is.
        blocks: Name of a block → of the network without it.
        none: Of the network without any SE block.
        closed: Of the network without the channels that are closed for every image; None if there are none.
    """

    metric: str
    whole: float
    blocks: Mapping[str, float]
    none: float
    closed: float | None = None

    def cost(self, name: str) -> float:
        """Points that are lost without a block; less than 0 where the network is better without it."""
        return self.whole - self.blocks[name]

    def ranking(self) -> list[str]:
        """The blocks, costly first; of equals in the order of the network."""
        return sorted(self.blocks, key=self.cost, reverse=True)

    def rank(self, name: str) -> int:
        """1 for the costliest block; equals share the better rank."""
        return 1 + sum(self.cost(other) > self.cost(name) for other in self.blocks)


def gates_of_one(blocks: Iterable[SEBlock]) -> AbstractContextManager[None]:
    """The network runs as if `blocks` were not there: every gate is 1."""
    return excite_replaced(blocks, lambda _, u: u.new_ones(u.shape[0], u.shape[1], 1, 1))


def gates_of_zero(channels: Mapping[SEBlock, Sequence[int]]) -> AbstractContextManager[None]:
    """The network runs as if these channels of what the blocks rescale were not there: their gates are 0."""

    def excite(block: SEBlock, u: Tensor) -> Tensor:
        return own_gates(block, u).index_fill(1, torch.tensor(channels[block], device=u.device), 0)

    return excite_replaced(channels, excite)


def ablate(
    blocks: Mapping[str, SEBlock],
    closed: Mapping[str, Sequence[int]],
    evaluate: Callable[[], Mapping[str, float]],
    report: Callable[[str], None] = lambda _: None,
) -> Ablation:
    """Test the network whole, without each block, without all of them, and without the closed channels.

    Args:
        blocks: The network's, by name.
        closed: Name of a block → channels to remove, all together.
        evaluate: Runs the test and returns its metrics.
        report: Is told each result.

    Raises:
        DataError: The test measures neither top-1 accuracy nor COCO's AP.
    """
    titles: list[str] = []

    def test(what: str, change: AbstractContextManager[None]) -> float:
        with change:
            metrics = evaluate()
        title, value = _main_metric(metrics)
        titles.append(title)
        report(f'{what}: {title} {value:.2f}%')
        return value

    whole = test('the network', nullcontext())
    single = {name: test(f'without {name}', gates_of_one([block])) for name, block in blocks.items()}
    none = test('without any SE block', gates_of_one(blocks.values()))
    channels = {blocks[name]: numbers for name, numbers in closed.items()}
    return Ablation(
        metric=titles[0],
        whole=whole,
        blocks=single,
        none=none,
        closed=test('without the closed channels', gates_of_zero(channels)) if channels else None,
    )


def _main_metric(metrics: Mapping[str, float]) -> tuple[str, float]:
    for key, (title, factor) in METRICS.items():
        if key in metrics:
            return title, factor * float(metrics[key])
    raise DataError(
        f'--ablate needs a test that measures {" or ".join(METRICS)}; this one: {", ".join(metrics) or "—"}'
    )
