"""Average precision on COCO's minival, by faster-coco-eval where it is installed and by pycocotools elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
from mmdet.evaluation import CocoMetric
from mmdet.evaluation.metrics import coco_metric
from mmengine.logging import MMLogger

from senet_mm.data.coco.layout import find_parts
from senet_mm.registry import METRICS

EVALUATORS = ('auto', 'faster-coco-eval', 'pycocotools')
BOXES = 100  # of an image, those with the highest scores, count in COCO's AP
# Metric → IoU threshold, None for the mean over all of them; range of areas: all, small, medium, large.
FIGURES = {
    'mAP': (None, 0),
    'mAP_50': (0.5, 0),
    'mAP_75': (0.75, 0),
    'mAP_s': (None, 1),
    'mAP_m': (None, 2),
    'mAP_l': (None, 3),
}


@METRICS.register_module()
class CocoMinivalMetric(CocoMetric):
    """mmdet's `CocoMetric` on the minival annotations found in `data_root`.

    It differs from mmdet's in four ways. Figures are not rounded to 0.001, since a mean over seeds is finer than that.
    If nothing at all was found, AP is 0 and not missing. Of a subset (`indices=…`), its images
    count and no others. The evaluator can be chosen; all give the same figures.

    Args:
        data_root: Folder, pack or URL that holds COCO, see `find_parts`.
        evaluator: 'faster-coco-eval' (C++), 'pycocotools', or 'auto', the first of them that is installed.
        **kwargs: Of mmdet's `CocoMetric`, without `ann_file`; `classwise=True` adds the AP of each class.

    Raises:
        TypeError: `ann_file` is given.
        ValueError: There is no such evaluator.
        ModuleNotFoundError: faster-coco-eval is asked for and not installed.
        FileNotFoundError: The annotations are not there; the message says how to make them.
    """

    def __init__(self, data_root: str, evaluator: str = 'auto', **kwargs: Any) -> None:
        if 'ann_file' in kwargs:
            raise TypeError('CocoMinivalMetric finds its annotations from data_root; remove ann_file.')
        self.evaluator = _evaluator(evaluator)
        ((ann_file, _),) = find_parts(data_root, 'minival', kwargs.get('backend_args'))
        super().__init__(ann_file=ann_file, **kwargs)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """AP of all that was processed, by mmdet's names, e.g. 'bbox_mAP_50', and 'dog_precision' of a class."""
        kinds = [kind for kind in self.metrics if kind in ('bbox', 'segm')]
        if kinds and not self.format_only and not any(len(found['bboxes']) for _, found in results):
            MMLogger.get_current_instance().warning('not one object was found: every AP is 0')
            names = self.metric_items or FIGURES
            return {f'{kind}_{name}': 0.0 for kind in kinds for name in names}
        self._restrict_to({truth['img_id'] for truth, _ in results})
        with _evaluations(self.evaluator) as made:
            metrics = super().compute_metrics(results)
        for kind, evaluation in zip((kind for kind in self.metrics if kind != 'proposal_fast'), made, strict=False):
            if kind in kinds:
                exact = _figures(kind, evaluation) | (self._by_class(evaluation) if self.classwise else {})
                metrics |= {name: value for name, value in exact.items() if name in metrics}
        return metrics

    def _restrict_to(self, images: set[int]) -> None:
        """Evaluate on these images; on others, which no network has seen, everything would be missed."""
        everything = self._coco_api.get_img_ids()
        self.img_ids = [image for image in everything if image in images]
        if len(self.img_ids) < len(everything):
            shares = f'{len(self.img_ids):,} of {len(everything):,}'
            MMLogger.get_current_instance().warning(f'AP on {shares} images: compare it with the same ones only')

    def _by_class(self, evaluation: Any) -> dict[str, float]:
        names = [category['name'] for category in self._coco_api.loadCats(self.cat_ids)]
        return {f'{name}_precision': _mean(evaluation, classes=[index]) for index, name in enumerate(names)}


def _evaluator(name: str) -> type:
    """pycocotools' COCOeval, or what stands in for it."""
    if name not in EVALUATORS:
        raise ValueError(f'evaluator={name!r}: there are {", ".join(map(repr, EVALUATORS))}')
    if name != 'pycocotools':
        try:
            from faster_coco_eval import COCOeval_faster
        except ModuleNotFoundError as error:
            if name == 'faster-coco-eval':
                raise ModuleNotFoundError(
                    "evaluator='faster-coco-eval' is not installed: pip install 'senet_mm[fast]', or evaluator='auto'"
                ) from error
        else:
            return COCOeval_faster
    from pycocotools.cocoeval import COCOeval

    return COCOeval


@contextmanager
def _evaluations(evaluator: type) -> Iterator[list[Any]]:
    """Have mmdet evaluate by `evaluator`, which it has no option for; yields what it makes, one for each metric."""
    made: list[Any] = []

    def make(*args: Any) -> Any:
        made.append(evaluator(*args))
        return made[-1]

    with mock.patch.object(coco_metric, 'COCOeval', make):
        yield made


def _figures(kind: str, evaluation: Any) -> dict[str, float]:
    return {f'{kind}_{name}': _mean(evaluation, iou, area) for name, (iou, area) in FIGURES.items()}


def _mean(evaluation: Any, iou: float | None = None, area: int = 0, classes: Sequence[int] | None = None) -> float:
    """COCO's AP: mean precision over IoU thresholds, 101 recalls and classes; as COCO has it, −1 without any object."""
    precision, settings = evaluation.eval['precision'], evaluation.params  # (IoU,recall,class,area,boxes), −1 for none
    boxes = list(settings.maxDets).index(BOXES) if BOXES in settings.maxDets else -1
    chosen = precision[:, :, :, area, boxes]
    if iou is not None:
        chosen = chosen[np.isclose(settings.iouThrs, iou)]
    if classes is not None:
        chosen = chosen[:, :, list(classes)]
    return float(chosen[chosen > -1].mean()) if (chosen > -1).any() else -1.0
