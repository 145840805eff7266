"""Weights of a run: what its checkpoint says of the network that they are for. `init_cfg`: which loader reads them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, TypeGuard

PRETRAINED = ('Pretrained', 'senet_mm.Pretrained', 'PretrainedInit')


def trained_options(checkpoint: Mapping[str, Any], part: str = 'backbone') -> dict[str, Any]:
    """The options in the first `part=dict(…)` of the config that a checkpoint's run was trained with.

    Such a run stores its config as text in `meta`; it is parsed, never executed. What is no literal is left out.
    """
    meta = checkpoint.get('meta') or {}
    text = meta.get('cfg') or meta.get('config') if isinstance(meta, Mapping) else None
    if not isinstance(text, str):
        return {}
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.keyword, ast.Assign)) and _name(node) == part and _is_dict(node.value):
            return _literals(node.value)
    return {}


def _name(node: ast.keyword | ast.Assign) -> str | None:
    if isinstance(node, ast.keyword):
        return node.arg
    return node.targets[0].id if isinstance(node.targets[0], ast.Name) else None


def _is_dict(node: ast.expr) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict'


def _literals(call: ast.Call) -> dict[str, Any]:
    """The keywords of `dict(…)`, those with values that can be read without executing anything."""
    options = {}
    for keyword in call.keywords:
        try:
            part = keyword.value
            value = _literals(part) if _is_dict(part) else ast.literal_eval(part)
        except ValueError:
            continue
        if keyword.arg:
            options[keyword.arg] = value
    return options


def trained_style(checkpoint: Mapping[str, Any]) -> str | None:
    """The `style` of the backbone that a checkpoint of a run was trained with, None where it does not say."""
    return trained_options(checkpoint).get('style')


def through_our_loader(init_cfg: Any) -> Any:
    """`init_cfg` with every `type='Pretrained'` in it resolved to senet_mm.weights' in place of mmengine's.

    The type keeps its name: mmengine runs what is called Pretrained last, after the parts' own initialisation.
    """
    if isinstance(init_cfg, Mapping):
        ours = getattr(init_cfg.get('type'), '__name__', init_cfg.get('type')) in PRETRAINED
        return dict(init_cfg, type='Pretrained', _scope_='senet_mm') if ours else init_cfg
    return [through_our_loader(part) for part in init_cfg] if isinstance(init_cfg, (list, tuple)) else init_cfg
