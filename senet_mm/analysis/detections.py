"""One picture of what detectors found: images in columns, ground truth and each run in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import mmengine
import numpy as np
from PIL import Image
from pycocotools.coco import COCO

from senet_mm.data.coco.layout import find_parts
from senet_mm.data.errors import DataError

mpl.use('Agg')
from matplotlib import pyplot as plt

Boxes = list[tuple[Sequence[float], str]]  # (x, y, width, height) in pixels, label


def draw_detections(
    dataset: Mapping[str, Any], predictions: Mapping[str, Path], out: Path, number: int = 6, threshold: float = 0.5
) -> Path:
    """Draw the first `number` images of a CocoMinival dataset that all runs saw.

    Args:
        dataset: The test data set of the config.
        predictions: Title of a row → the .pkl file that `tools/test.py --out` wrote.
        out: The picture, by its suffix PNG or another of matplotlib's formats.
        number: Columns.
        threshold: Lowest score of a box that is drawn.

    Raises:
        DataError: A file of predictions cannot be read, or the runs have no image in common.
    """
    ((annotations, folder),) = find_parts(dataset['data_root'], dataset['split'])
    coco = COCO(str(annotations))
    names = {category['id']: category['name'] for category in coco.dataset['categories']}
    classes = dataset.get('metainfo', {}).get('classes') or [names[key] for key in sorted(names)]
    rows = {title: _read(path, classes, threshold) for title, path in predictions.items()}
    ids = [key for key in sorted(coco.imgs) if all(key in row for row in rows.values())][:number]
    if not ids:
        raise DataError(f'{", ".join(map(str, predictions.values()))}: no image in common')
    truth = {key: [(a['bbox'], names[a['category_id']]) for a in coco.imgToAnns[key]] for key in ids}
    images = [np.asarray(Image.open(Path(folder, coco.imgs[key]['file_name']))) for key in ids]
    return _draw(images, ids, {'ground truth': truth, **rows}, out)


def _read(path: Path, classes: Sequence[str], threshold: float) -> dict[int, Boxes]:
    try:
        saved = mmengine.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f'{path} is not a file of predictions ({error}); tools/test.py --out writes one') from error
    found: dict[int, Boxes] = {}
    for sample in saved:
        instances = sample['pred_instances']
        found[sample['img_id']] = [
            ((x1, y1, x2 - x1, y2 - y1), f'{classes[label]} {score:.2f}')
            for (x1, y1, x2, y2), score, label in zip(
                instances['bboxes'].tolist(), instances['scores'].tolist(), instances['labels'].tolist(), strict=True
            )
            if score >= threshold
        ]
    return found


def _draw(images: Sequence[np.ndarray], ids: Sequence[int], rows: Mapping[str, Mapping[int, Boxes]], out: Path) -> Path:
    figure, axes = plt.subplots(
        len(rows), len(images), figsize=(2.2 * len(images), 2.3 * len(rows)), squeeze=False, layout='constrained'
    )
    for line, (title, boxes) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(title)
        for axis, image, key in zip(line, images, ids, strict=True):
            axis.imshow(image)
            axis.set(xticks=[], yticks=[])
            for (x, y, width, height), label in boxes[key]:
                axis.add_patch(plt.Rectangle((x, y), width, height, fill=False, color='lime', linewidth=1.5))
                axis.text(
                    x, max(y - 2, 8), label, fontsize=7, color='black', backgroundcolor=(0.2, 1, 0.2, 0.7), clip_on=True
                )
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    plt.close(figure)
    return out
