"""SE blocks in a network that knows nothing of them: `insert_se` for a model, `WithSE` for one in a config."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import torch
from mmengine.model import initialize
from torch import Tensor, nn
from torch.func import functional_call

from senet_mm.layers.se import SEBlock, SESpec
from senet_mm.registry import MODELS

Where = str | Sequence[str] | Callable[[str, nn.Module], bool]


def insert_se(
    model: nn.Module,
    where: Where,
    *,
    example_input: Tensor | tuple[Any, ...] | None = None,
    channels_last: bool = False,
    **se: Any,
) -> nn.Module:
    """Give modules of `model`, in place, an SE block each on their output: u (N,C,H,W) → u·s.

    The block of module `layer1.0.bn3` is its child `layer1.0.bn3.se`, a SEBlock called by a forward hook. All other
    names stay, so checkpoints of the model as it was load with `strict=False`, and with
    `senet_mm.load_strictly(model, state_dict, 'its name', allow_missing='se')` nothing else may be missing.

    The new layers have He's initialisation; mmengine's `init_weights()` of a network with an `init_cfg` treats them as
    the network's other convolutions.

    One forward pass finds out how many channels each module returns. It runs on torch's meta device, without memory or
    arithmetic, unless an example input is given.

    Args:
        model: The network.
        where: Names as in `model.named_modules()`; `*` stands for any text within one part of a name, as in
            `layer*.*.bn3`. Several of them, or a function that is asked for each (name, module).
        example_input: What `model` is called with: the image, or a tuple of arguments. None: an image (1,3,224,224).
        channels_last: Whether the modules return (N,H,W,C).
        **se: ratio, squeeze, gate and bias, as in SESpec.

    Returns:
        `model`.

    Raises:
        ValueError: An option is not one of these, no module has such a name, or one cannot have an SE block: it has one
            already, it does not run exactly once in a forward pass, or it returns no map. `model` is then as it was.
    """
    options = _parse(se)
    hosts = _find(model, where)
    for name, host in hosts.items():
        _check_host(name, host)
    maps = _run_on_shapes(model, hosts, example_input)
    kind = _ChannelsLastSE if channels_last else SEBlock
    blocks = {}
    for name in hosts:
        channels = _channels(name, maps[name], channels_last, _is_square(example_input))
        blocks[name] = kind(channels, **options)
    for name, block in blocks.items():
        _attach(model, name, block)
    attributes = vars(model)
    if 'se_places' not in attributes:
        model.register_forward_pre_hook(_check_places)
    attributes['se_places'] = (*attributes.get('se_places', ()), *blocks)
    return model


def _parse(se: Mapping[str, Any]) -> dict[str, Any]:
    """The options of one block."""
    misplaced = sorted({'position', 'stages'} & set(se))
    if misplaced:
        raise ValueError(f'SE option {", ".join(misplaced)}: `where` says where the blocks of insert_se sit')
    spec = SESpec.parse(se)
    if spec is None or not isinstance(spec.ratio, int):
        raise ValueError(f'SE option ratio={se["ratio"]!r}: insert_se has one for all blocks')
    return dict(ratio=spec.ratio, squeeze=spec.squeeze, gate=spec.gate, bias=spec.bias)


class _ChannelsLastSE(SEBlock):
    """u (N,H,W,C) → u·s, an SEBlock otherwise."""

    def forward(self, u: Tensor) -> Tensor:
        """Rescale u (N,H,W,C) by its gates."""
        return super().forward(u.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def _rescale(host: nn.Module, _: object, output: Tensor) -> Tensor:
    # A function of the module, not a closure: so a model can be copied and pickled.
    return host.get_submodule('se')(output)


def _check_places(model: nn.Module, _: object) -> None:
    """Refuse to run where a module that had an SE block was replaced by another, which has none or does not call it."""
    for name in vars(model)['se_places']:
        try:
            host = model.get_submodule(name)
        except AttributeError:
            continue  # that part of the network was taken out
        calls_it = _adds_by_order(host) or _rescale in host._forward_hooks.values()
        if not calls_it or 'se' not in host._modules:
            raise RuntimeError(
                f'the SE block of {name} is lost: something, such as a conversion to SyncBatchNorm or the fusion of '
                f'convolution and BatchNorm, put a new {type(host).__name__} there. Do that first, then insert_se'
            )


def _adds_by_order(host: nn.Module) -> bool:
    """Whether the last child is what runs last: an SE block there needs no hook."""
    return isinstance(host, nn.Sequential) and type(host).forward is nn.Sequential.forward


def _find(model: nn.Module, where: Where) -> dict[str, nn.Module]:
    modules = {name: module for name, module in model.named_modules() if name}
    if callable(where):
        found = {name: module for name, module in modules.items() if where(name, module)}
        if not found:
            raise ValueError(f'insert_se: `where` chose none of the {len(modules)} modules of {type(model).__name__}')
        return found
    found = {}
    for pattern in [where] if isinstance(where, str) else where:
        matches = {name: module for name, module in modules.items() if _matches(name, pattern)}
        if not matches:
            raise ValueError(
                f'insert_se: {type(model).__name__} has no module {pattern!r}; nearest: {_nearest(pattern, modules)}'
            )
        found |= matches
    if not found:
        raise ValueError('insert_se: `where` names no module')
    return found


def _matches(name: str, pattern: str) -> bool:
    parts, patterns = name.split('.'), pattern.split('.')
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _nearest(pattern: str, names: Iterable[str]) -> str:
    def general(name: str) -> str:
        """`layer1.0.bn3` → `layer*.*.bn3`."""
        parents, dot, last = name.rpartition('.')
        return re.sub(r'\d+(?=\.|$)', '*', parents) + dot + ('*' if last.isdigit() else last)

    return ', '.join(difflib.get_close_matches(general(pattern), dict.fromkeys(map(general, names)), n=4, cutoff=0))


def _check_host(name: str, host: nn.Module) -> None:
    if isinstance(getattr(host, 'se', None), SEBlock):
        raise ValueError(f'insert_se: {name} has an SE block already')
    if hasattr(host, 'se'):
        raise ValueError(
            f'insert_se: {name}, a {type(host).__name__}, has an attribute `se` of its own; choose a module inside it'
        )
    if isinstance(host, (nn.Sequential, nn.ModuleList, nn.ModuleDict)) and not _adds_by_order(host):
        raise ValueError(
            f'insert_se: {name}, a {type(host).__name__}, runs its children in a way of its own, and an SE block would '
            'be one more of them; choose a module inside it'
        )


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, and afterwards the mode in which each module was."""
    modes = {module: module.training for module in model.modules()}
    for module in modes:
        module.training = False  # not eval(): some backbones freeze their stages anew there
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _run_on_shapes(
    model: nn.Module, hosts: Mapping[str, nn.Module], example_input: Tensor | tuple[Any, ...] | None
) -> dict[str, Tensor]:
    """The output of each of `hosts` in one forward pass.

    Raises:
        ValueError: The pass fails, or a module does not run exactly once.
    """
    outputs: dict[str, list[Any]] = {name: [] for name in hosts}
    hooks = [
        host.register_forward_hook(lambda _, __, output, seen=outputs[name]: seen.append(output))
        for name, host in hosts.items()
    ]
    try:
        with torch.no_grad(), _evaluating(model):
            _run(model, example_input)
    except Exception as error:
        given = 'the example input' if example_input is not None else 'an image (1,3,224,224) on the meta device'
        advice = '' if example_input is not None else '; give example_input=…, what the model is called with'
        raise ValueError(f'insert_se: {type(model).__name__} does not run on {given}{advice} ({error})') from error
    finally:
        for hook in hooks:
            hook.remove()
    for name, seen in outputs.items():
        if len(seen) != 1:
            raise ValueError(
                f'insert_se: {name}, a {type(hosts[name]).__name__}, runs {len(seen)} times in a forward pass; a '
                'module with an SE block runs once'
            )
    return {name: seen[0] for name, seen in outputs.items()}


def _run(model: nn.Module, example_input: Tensor | tuple[Any, ...] | None) -> None:
    if example_input is not None:
        model(*(example_input if isinstance(example_input, tuple) else (example_input,)))
        return
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    floating = (tensor.dtype for tensor in state.values() if tensor.is_floating_point())
    image = torch.empty(1, 3, 224, 224, dtype=next(floating, torch.float32), device='meta')
    functional_call(model, {name: tensor.to('meta') for name, tensor in state.items()}, (image,))


def _is_square(example_input: Tensor | tuple[Any, ...] | None) -> bool:
    image = example_input[0] if isinstance(example_input, tuple) else example_input
    return image is None or (isinstance(image, Tensor) and image.dim() == 4 and image.shape[2] == image.shape[3])


def _channels(name: str, output: Any, channels_last: bool, square: bool) -> int:
    """C of a map (N,C,H,W) or (N,H,W,C). A square image tells the two apart unless C is also the map's side."""
    if not isinstance(output, Tensor) or output.dim() != 4:
        what = f'a tensor {tuple(output.shape)}' if isinstance(output, Tensor) else f'a {type(output).__name__}'
        raise ValueError(f'insert_se: {name} returns {what}, not a map (N,C,H,W)')
    shape = tuple(output.shape)
    first, second, third = shape[1:]
    if square and not channels_last and first == second != third:
        raise ValueError(f'insert_se: {name} returns {shape}, which looks like (N,H,W,C): add channels_last=True')
    if square and channels_last and first != second == third:
        raise ValueError(f'insert_se: {name} returns {shape}, which looks like (N,C,H,W): leave channels_last out')
    return third if channels_last else first


def _attach(model: nn.Module, name: str, block: SEBlock) -> None:
    """Make `block` part of the module `name`: on its device, of its type, in its mode."""
    host = model.get_submodule(name)
    place = name
    while place and next(model.get_submodule(place).parameters(), None) is None:
        place = place.rpartition('.')[0]  # nothing to go by: ask the module around it
    like = next((p for p in model.get_submodule(place).parameters() if p.is_floating_point()), None)
    initialize(block, block.init_cfg)  # not init_weights: it logs each parameter
    if like is not None:
        block.to(device=like.device, dtype=like.dtype)
    block.train(host.training)
    host.add_module('se', block)
    if not _adds_by_order(host):
        host.register_forward_hook(_rescale)


@MODELS.register_module(name='WithSE')
def with_se(
    model: dict[str, Any],
    where: str | Sequence[str],
    se: dict[str, Any] | None = None,
    channels_last: bool = False,
    init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
) -> nn.Module:
    """Any registered model, with SE blocks on the output of the modules that `where` names; see insert_se.

    `backbone=dict(type='senet_mm.WithSE', model=dict(type='mmpretrain.RegNet', arch='regnetx_400mf'),
    where='layer*.*.bn3')` is the plain network, and `se=dict(ratio=16)` in it, or `--cfg-options
    model.backbone.se.ratio=16`, adds SE. What is built is the model itself: its class, its parameters' names.

    Args:
        model: The model's config.
        where: See insert_se.
        se: None for the plain network, or ratio, squeeze, gate and bias.
        channels_last: Whether the modules return (N,H,W,C).
        init_cfg: The model's, in place of what its config says.

    Raises:
        ValueError: As insert_se.
    """
    with torch.device('cpu'):  # some compute their settings with tensors, which torch's meta device cannot read
        network = MODELS.build(dict(model) if init_cfg is None else dict(model, init_cfg=init_cfg))
    network.to(torch.get_default_device())
    if se is None:
        _find(network, where)  # a plain config that could not have SE is wrong, too
        return network
    insert_se(network, where, channels_last=channels_last, **se)
    network.train(network.training)  # frozen stages freeze what was added to them
    return network
