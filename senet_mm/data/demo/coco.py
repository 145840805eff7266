"""The demo's stand-in for COCO: digits on photographs, in the folders and files of COCO 2014 with the minival split."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from senet_mm.data.demo.render import Scene, render_scene
from senet_mm.data.demo.sources import DIGIT_NAMES, Pool, used

IMAGE_SIZE = 160
DIGIT_SIZES = (24, 80)  # COCO's small (below 32²) and medium (below 96²) objects
MOST_DIGITS = 3
_DATE = '2014-01-01 00:00:00'  # fixed: the same seed gives the same bytes


@dataclass(frozen=True)
class CocoPart:
    """One annotation file: its name, its folder of images, its pool, and a number that sets its randomness apart."""

    name: str
    folder: str
    pool: str
    stream: int


PARTS = (
    CocoPart('train2014', 'train2014', 'train', 1),
    CocoPart('valminusminival2014', 'val2014', 'train', 2),
    CocoPart('minival2014', 'val2014', 'held_out', 3),
)


def coco_scene(pool: Pool, part: CocoPart, index: int, seed: int) -> Scene:
    """Image number `index` of a part: one to three digits on a photograph, 160×160 pixels."""
    rng = np.random.default_rng([seed, part.stream, index])
    labels = rng.integers(len(DIGIT_NAMES), size=rng.integers(1, MOST_DIGITS + 1))
    return render_scene(rng, pool, IMAGE_SIZE, [int(label) for label in labels], DIGIT_SIZES)


def write_coco(
    out: Path, pools: Mapping[str, Pool], sizes: Mapping[str, int], seed: int
) -> dict[str, dict[str, list[Any]]]:
    """Write the images and the three annotation files below `out`.

    Image ids and annotation ids count on from one part to the next, as each is unique in the whole of COCO.

    Args:
        out: the folder, made here.
        pools: what `load_pools` gives.
        sizes: number of images of each part, by its name.
        seed: of everything random.

    Returns:
        For each part, the photographs and the digits it was made from.
    """
    sources = {}
    images_before = annotations_before = 0
    (out / 'annotations').mkdir(parents=True)
    for part in PARTS:
        folder = out / part.folder
        folder.mkdir(exist_ok=True)
        scenes = [coco_scene(pools[part.pool], part, index, seed) for index in range(sizes[part.name])]
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for image_id, scene in enumerate(scenes, images_before + 1):
            file_name = f'COCO_{part.folder}_{image_id:012d}.jpg'
            Image.fromarray(scene.image).save(folder / file_name, quality=90)
            images.append(_image_record(image_id, file_name))
            annotations += _annotation_records(scene, image_id, annotations_before + len(annotations) + 1)
        images_before += len(images)
        annotations_before += len(annotations)
        text = json.dumps(_document(images, annotations), separators=(',', ':'))
        (out / 'annotations' / f'instances_{part.name}.json').write_text(text + '\n', encoding='utf-8')
        scans = [placement.scan for scene in scenes for placement in scene.placements]
        sources[part.name] = used(pools[part.pool], [scene.photograph for scene in scenes], scans)
    return sources


def _image_record(image_id: int, file_name: str) -> dict[str, Any]:
    return {
        'id': image_id,
        'file_name': file_name,
        'width': IMAGE_SIZE,
        'height': IMAGE_SIZE,
        'license': 1,
        'date_captured': _DATE,
    }


def _annotation_records(scene: Scene, image_id: int, first_id: int) -> list[dict[str, Any]]:
    records = []
    for annotation_id, placement in enumerate(scene.placements, first_id):
        x, y, width, height = (float(value) for value in placement.box)
        right, bottom = x + width, y + height
        records.append(
            {
                'id': annotation_id,
                'image_id': image_id,
                'category_id': placement.label + 1,
                'bbox': [x, y, width, height],
                'area': width * height,
                'iscrowd': 0,
                'segmentation': [[x, y, right, y, right, bottom, x, bottom]],  # the box: the demo is about boxes
            }
        )
    return records


def _document(images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        'info': {
            'description': 'senet_mm demo: scikit-learn digits on bundled photographs, in COCO 2014 layout',
            'version': '1',
            'year': 2014,
            'contributor': 'senet_mm',
            'url': '',
            'date_created': _DATE,
        },
        'licenses': [{'id': 1, 'name': 'see the licences of scikit-learn and scikit-image', 'url': ''}],
        'images': images,
        'annotations': annotations,
        'categories': [
            {'id': number, 'name': name, 'supercategory': 'digit'} for number, name in enumerate(DIGIT_NAMES, 1)
        ],
    }
