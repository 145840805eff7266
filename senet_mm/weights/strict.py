"""Loading weights with nothing missing, left over or of another shape; what differs is listed whole, but compactly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from senet_mm.engine.checkpoint_fit import Fit
from senet_mm.layers import SESpec
from senet_mm.weights.source import Weights, WeightsError

MISSING, UNUSED, SHAPES = 'missing from the file', 'left over in the file', 'of another shape'
SE_HIDDEN = ('squeeze', 'gate', 'position')  # options of SE that shapes do not show


def load_strictly(
    module: nn.Module,
    state: Mapping[str, Tensor],
    origin: str,
    allow_missing: str | Iterable[str] = (),
    allow_unused: str | Iterable[str] = (),
) -> None:
    """Load weights into a module.

    Args:
        module: With parameters named as the weights are.
        state: The weights; shapes may differ from the module's in dimensions of 1.
        origin: What messages call them.
        allow_missing: Parts of names, e.g. 'se': what has one of them between its dots may keep its initial value.
        allow_unused: Likewise, for what the module lacks, e.g. 'layer4'.

    Raises:
        WeightsError: Something is missing, left over or of another shape.
    """
    fit = Fit.of(module, _fitted(state, module.state_dict()))
    missing, unused = _forbidden(fit.missing, allow_missing), _forbidden(fit.left_over, allow_unused)
    shapes = [f'{name} {theirs} in the file, {ours} in the network' for name, (theirs, ours) in fit.shapes.items()]
    problems = [
        f'  {len(names)} {kind}: {", ".join(names if kind == SHAPES else compact(names))}'
        for kind, names in ((MISSING, missing), (UNUSED, unused), (SHAPES, shapes))
        if names
    ]
    if problems:
        advice = _advice(missing, unused, fit.shapes)
        raise WeightsError('\n'.join([f'{origin} does not fit {type(module).__name__}:', *problems, *advice]))


def check_options(weights: Weights, backbone: nn.Module) -> None:
    """Refuse weights that fit by name and shape and were trained in a network that computes something else.

    Both `style`s of a ResNet have the same parameters, with the stride of a bottleneck in another convolution; so have
    both kinds of stem pooling, and SE blocks with other gates: such weights would load and cost accuracy.

    Raises:
        WeightsError: An option differs; the message says which to set.
    """
    ours = _options(backbone, weights.has_bottlenecks)
    theirs = dict(weights.options)
    se = theirs.pop('se', None)
    if isinstance(se, Mapping) and 'se' in ours:
        spec = SESpec.parse(se)
        theirs |= {f'se.{name}': getattr(spec, name) for name in SE_HIDDEN}
        ours |= {f'se.{name}': getattr(ours['se'], name) for name in SE_HIDDEN}
    differing = [name for name, value in theirs.items() if name in ours and ours[name] != value]
    if differing:
        trained, here = (', '.join(f'{name}={of[name]!r}' for name in differing) for of in (theirs, ours))
        setting = ' '.join(f'model.backbone.{name}={theirs[name]}' for name in differing)
        raise WeightsError(
            f'{weights.origin} was trained with {trained}, this backbone has {here}: add --cfg-options {setting}'
        )


def _options(backbone: nn.Module, has_bottlenecks: bool) -> dict[str, Any]:
    """What a backbone has of the options that weights do not show."""
    options: dict[str, Any] = {}
    option = 'style' if has_bottlenecks else 'branch_relu'  # the other one makes no difference
    if hasattr(backbone, option):
        options[option] = getattr(backbone, option)
    pool = getattr(backbone, 'maxpool', None)
    if isinstance(pool, nn.MaxPool2d):
        options['ceil_pool'] = pool.ceil_mode
    if isinstance(getattr(backbone, 'se', None), SESpec):
        options['se'] = backbone.se
    return options


def _fitted(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights, reshaped where the shapes differ in dimensions of 1 only: a 1×1 convolution is a matrix."""

    def essential(shape: Iterable[int]) -> list[int]:
        return [size for size in shape if size != 1]

    return {
        key: value.reshape(expected[key].shape)
        if key in expected and essential(value.shape) == essential(expected[key].shape)
        else value
        for key, value in state.items()
    }


def _forbidden(names: Iterable[str], allowed: str | Iterable[str]) -> list[str]:
    parts = {allowed} if isinstance(allowed, str) else set(allowed)
    return [name for name in names if not parts & set(name.split('.'))]


def is_se(name: str) -> bool:
    """Whether a parameter is an SE block's."""
    return 'se' in name.split('.')


def _advice(missing: list[str], unused: list[str], shapes: Mapping[str, Any]) -> list[str]:
    """What the trouble looks like and what to do about it."""
    lines = []
    if missing and all(map(is_se, missing)) and not unused:
        lines.append(
            'The file is of a network without SE, this one has SE. To start the SE blocks from their initialisation: '
            '--cfg-options model.backbone.init_cfg.allow_missing=se'
        )
    if unused and all(map(is_se, unused)) and not missing:
        lines.append(
            'The file is of a network with SE, this one has none: set model.backbone.se.ratio, or leave the SE blocks '
            'out with --cfg-options model.backbone.init_cfg.allow_unused=se'
        )
    stages = sorted({name.split('.')[0] for name in unused})
    if unused and not missing and all(re.fullmatch(r'layer\d', stage) for stage in stages):
        lines.append(
            'The file has more stages. To leave them out: --cfg-options '
            f'model.backbone.init_cfg.allow_unused="[{",".join(stages)}]"'
        )
    if shapes and all(map(is_se, shapes)):
        lines.append('The SE blocks have another width: see model.backbone.se.ratio.')
    if any(name.endswith(('head.fc.weight', 'head.fc.bias')) for name in shapes):
        lines.append('The file is for another number of classes than the config: model.head.num_classes.')
    return lines


def compact(names: Iterable[str]) -> list[str]:
    """Names of parameters, with what differs in one number or in the last part only put together.

    ['layer1.0.bn1.weight', 'layer1.0.bn1.bias', 'layer1.1.bn1.weight', …] → ['layer1.{0-1}.bn1.{weight,bias}']
    """
    ends: dict[str, list[str]] = {}
    for name in names:
        module, _, end = name.rpartition('.')
        ends.setdefault(module, []).append(end)
    numbers: dict[tuple[str, str], list[int]] = {}
    whole = ends.pop('', [])
    for module, tensors in ends.items():
        tail = ','.join(tensors)
        path = f'{module}.{tail}' if len(tensors) == 1 else f'{module}.{{{tail}}}'
        number = re.search(r'(?<=\.)\d+(?=\.)', path)
        key = (path[: number.start()], path[number.end() :]) if number else (path, '')
        numbers.setdefault(key, []).extend([int(number[0])] if number else [])
    return [*whole, *(f'{head}{_ranges(found)}{tail}' for (head, tail), found in numbers.items())]


def _ranges(numbers: list[int]) -> str:
    """[0, 1, 2, 5] → '{0-2,5}'; one number alone without braces."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    text = ','.join(f'{run[0]}-{run[-1]}' if len(run) > 1 else str(run[0]) for run in runs)
    return text if len(numbers) < 2 else f'{{{text}}}'
