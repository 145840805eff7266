"""Pretrained weights that fit by name and shape and are still wrong: trained with the other `style`."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from mmengine.runner import CheckpointLoader


def trained_style(checkpoint: Mapping) -> str | None:
    """The `style` of the backbone that a checkpoint of an OpenMMLab run was trained with, None where it does not say.

    Such a run stores its config as text in `meta`; it is parsed, never executed.
    """
    meta = checkpoint.get('meta') or {}
    text = meta.get('cfg') or meta.get('config') if isinstance(meta, Mapping) else None
    if not isinstance(text, str):
        return None
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == 'backbone' and isinstance(node.value, ast.Call):
            for option in node.value.keywords:
                if option.arg == 'style' and isinstance(option.value, ast.Constant):
                    return str(option.value.value)
    return None


def check_trained_style(init_cfg: object, style: str | None) -> None:
    """Refuse `init_cfg=dict(type='Pretrained', …)` weights of a run with another `style` than the backbone's.

    Both styles have the same parameters, with the stride of a bottleneck in another convolution: such weights load
    without a warning and cost accuracy.

    Raises:
        ValueError: The styles differ; the message says which option to set.
    """
    if style is None or not isinstance(init_cfg, Mapping) or init_cfg.get('type') != 'Pretrained':
        return
    checkpoint = CheckpointLoader.load_checkpoint(init_cfg['checkpoint'], map_location='cpu')
    trained = trained_style(checkpoint)
    if trained is not None and trained != style:
        raise ValueError(
            f'{init_cfg["checkpoint"]} was trained with style={trained!r}, this backbone has style={style!r}: '
            f'add --cfg-options model.backbone.style={trained}'
        )
