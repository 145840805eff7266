"""The origin of converted checkpoints, and whether a config prepares images as their networks expect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from safetensors import safe_open

from senet_mm.data.errors import DataError

CLOSE = 0.01  # 123.68 and 123.675 are the same mean


def provenance(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The provenance in a checkpoint's `meta`; empty if it was not converted."""
    meta = checkpoint.get('meta')
    found = meta.get('provenance') if isinstance(meta, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def safetensors_meta(path: Path) -> dict[str, Any]:
    """The `meta` of a converted .safetensors file, which `load_file` leaves aside."""
    with safe_open(path, framework='pt') as file:
        text = (file.metadata() or {}).get('provenance', '')
    try:
        return dict(provenance=json.loads(text))
    except ValueError:
        return {}


def check_preprocessing(checkpoint: Mapping[str, Any], cfg: Config) -> None:
    """Refuse to test a converted checkpoint on images that are normalised in another way than it expects.

    Args:
        checkpoint: With the provenance in its `meta`; others pass.
        cfg: The run's, of mmpretrain or mmdet.

    Raises:
        DataError: Colour order, mean or standard deviation differ; the message gives the options to set.
    """
    expected = provenance(checkpoint).get('input')
    model = cfg.model.get('module', cfg.model)  # under test-time augmentation the model is a part of another
    common = cfg.get('data_preprocessor') or {}  # what the Runner gives a model that has none of its own
    ours = model.get('data_preprocessor') or common
    is_common = common and all(ours.get(name) == value for name, value in common.items())
    place = 'data_preprocessor' if is_common else 'model.data_preprocessor'
    if not expected or not ours:
        return
    switch = 'bgr_to_rgb' if cfg.get('default_scope') == 'mmdet' else 'to_rgb'
    to_rgb = expected['channels'] == 'RGB'
    options = {}
    if bool(ours.get(switch)) != to_rgb:
        options[switch] = str(to_rgb)
    for name, neutral in (('mean', 0.0), ('std', 1.0)):
        values = ours.get(name) or [neutral] * 3
        if any(abs(here - there) > CLOSE for here, there in zip(values, expected[name], strict=True)):
            options[name] = f'"[{",".join(f"{value:g}" for value in expected[name])}]"'
    if options:
        settings = ' '.join(f'{place}.{name}={value}' for name, value in options.items())
        given = dict(ours, channels='RGB' if ours.get(switch) else 'BGR')
        raise DataError(
            f'The checkpoint’s network expects {describe_input(expected)}.\nThe config gives it '
            f'{describe_input(given)}.\nAdd --cfg-options {settings}'
        )


def describe_input(given: Mapping[str, Any]) -> str:
    """What a network expects or gets, in words: 'BGR, mean 104, 117, 123, std 1, 1, 1; shorter side 256, crop 224'."""
    parts = [given['channels']]
    for name in ('mean', 'std'):
        values = given.get(name)
        parts.append(f'{name} {", ".join(f"{value:g}" for value in values)}' if values else f'no {name}')
    size = f'; shorter side {given["shorter_side"]}, crop {given["crop"]}' if 'crop' in given else ''
    return ', '.join(parts) + size
