"""One picture of what detectors found: images in columns, ground truth and each run in a row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from mmengine.config import Config
from mmengine.fileio import get, get_local_path
from PIL import Image
from pycocotools.coco import COCO

import senet_mm.data.packs.backend  # noqa: F401  (packed://)
from senet_mm.data.coco.layout import find_parts
from senet_mm.data.errors import DataError
from senet_mm.data.files.whole_file import whole_file
from senet_mm.data.presence import require_data, type_name

mpl.use('Agg')
from matplotlib import pyplot as plt

PICTURES = ('.png', '.jpg', '.jpeg', '.webp', '.tif', '.tiff', '.svg', '.pdf')
Boxes = list[tuple[Sequence[float], str]]  # (x, y, width, height) in pixels, label


def draw_detections(
    cfg: Config, predictions: Mapping[str, Path], out: Path, number: int = 6, threshold: float = 0.5
) -> Path:
    """Draw the first images of a detector's test set, of those in which some run found something if there are any.

    Args:
        cfg: The config, which tests on CocoMinival.
        predictions: Title of a row → the .json file that `tools/test.py --out` wrote.
        out: The picture, of the kind that its suffix says, one of PICTURES.
        number: How many images, a column each.
        threshold: Lowest score of a box that is drawn.

    Raises:
        DataError: The picture's suffix is another, the config is not of a detector, its data is not there, a file of
            predictions cannot be read, is of other images or classes, or the picture could not be written.
    """
    if out.suffix.lower() not in PICTURES:
        raise DataError(f'{out}: the name says the format, and has to end in {", ".join(PICTURES)}')
    dataset = _test_set(cfg)
    require_data(cfg, splits=('test',))
    ((annotations, folder),) = find_parts(dataset['data_root'], dataset['split'])
    with get_local_path(annotations) as path:
        coco = COCO(str(path))
    found = {title: _read(path, coco) for title, path in predictions.items()}
    seen = {result['image_id'] for results in found.values() for result in results}
    ids = sorted(seen or coco.imgs)[:number]
    names = {category['id']: category['name'] for category in coco.dataset['categories']}
    rows: dict[str, dict[int, Boxes]] = {
        'ground truth': {key: [(a['bbox'], names[a['category_id']]) for a in coco.imgToAnns[key]] for key in ids}
    }
    for title, results in found.items():
        rows[title] = {key: [] for key in ids}
        for result in results:
            if result['image_id'] in rows[title] and result['score'] >= threshold:
                label = f'{names[result["category_id"]]} {result["score"]:.2f}'
                rows[title][result['image_id']].append((result['bbox'], label))
    images = [np.asarray(Image.open(BytesIO(get(f'{folder}/{coco.imgs[key]["file_name"]}')))) for key in ids]
    return _draw(images, ids, rows, out)


def _test_set(cfg: Config) -> Mapping[str, Any]:
    """The settings of the config's test images.

    Raises:
        DataError: They are not CocoMinival's.
    """
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    kind = type_name(dataset) if dataset else 'nothing'
    if kind != 'CocoMinival':
        raise DataError(
            f'{cfg.filename} tests on {kind}; detections are drawn on CocoMinival: give the config of the detector '
            'that made the predictions, e.g. configs/faster_rcnn_se_r50_2x_coco.py'
        )
    return dataset


def _read(path: Path, coco: COCO) -> list[dict[str, Any]]:
    """COCO's results of a file, checked against the annotations.

    Raises:
        DataError: See draw_detections.
    """
    try:
        results = json.loads(path.read_text(encoding='utf-8'))
        images = {result['image_id'] for result in results}
        fits = all(len(result['bbox']) == 4 and result['score'] >= 0 for result in results)
        fits &= {result['category_id'] for result in results} <= coco.cats.keys()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f'{path} is not a file of detections ({type(error).__name__}: {error}); '
            f'tools/test.py --out {path.stem}.json writes one'
        ) from error
    if not fits or not images <= coco.imgs.keys():
        raise DataError(f'{path} is of other images or classes than the config’s test set')
    return results


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
    with whole_file(out) as part:
        figure.savefig(part, dpi=110, format=out.suffix[1:].lower())
    plt.close(figure)
    return out
