"""The SE blocks of any network: their names, and what they do while something else decides it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn

from senet_mm.layers import SEBlock
from senet_mm.models.backbone import Backbone

Excite = Callable[[SEBlock, Tensor], Tensor]


def name_blocks(network: nn.Module) -> dict[str, tuple[str, SEBlock]]:
    """Name → the block's path in the network and the block, in the order of the network's modules.

    The n-th block of a stage of one of our backbones is called SE_<stage>_<n>, by the paper's number of the stage
    (Sec. 7.2): SE_2_3 is the third of stage 2. Blocks that anything else placed are called by their path, and so are
    all if two backbones would share a name.
    """
    blocks = {path: module for path, module in network.named_modules() if isinstance(module, SEBlock)}
    names = _paper_names(network)
    titles = [names.get(blocks[path], path) for path in blocks]
    if len(set(titles)) < len(titles):
        titles = list(blocks)
    return dict(zip(titles, blocks.items(), strict=True))


def _paper_names(network: nn.Module) -> dict[SEBlock, str]:
    inserted = {
        module.get_submodule(place).get_submodule('se')
        for module in network.modules()
        for place in vars(module).get('se_places', ())
    }
    names = {}
    for backbone in network.modules():
        if not isinstance(backbone, Backbone):
            continue
        for index in range(backbone.out_indices[-1] + 1):  # the stages behind do not run
            found = [block for part in backbone.stage_modules(index) for block in part.modules()]
            placed = [block for block in found if isinstance(block, SEBlock) and block not in inserted]
            for number, block in enumerate(dict.fromkeys(placed), start=1):
                names[block] = f'SE_{backbone.first_se_stage + index}_{number}'
    return names


@contextmanager
def excite_replaced(blocks: Iterable[SEBlock], excite: Excite) -> Iterator[None]:
    """Have `blocks` get their gates from `excite(block, u)`, u (N,C,H,W), in place of their own `excite(u)`.

    Residual joins call `excite` and never the block itself: a forward hook would miss them.
    """
    chosen = list(blocks)
    for block in chosen:
        block.__dict__['excite'] = partial(excite, block)
    try:
        yield
    finally:
        for block in chosen:
            del block.__dict__['excite']


def own_gates(block: SEBlock, u: Tensor) -> Tensor:
    """The gates that the block itself computes: (N,C,1,1), or (N,C,H,W) without a squeeze."""
    return type(block).excite(block, u)
