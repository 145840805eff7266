from pathlib import Path

import pytest
from mmengine.config import Config

from senet_mm.data.data_root import set_data_root

CONFIGS = Path(__file__).parents[2] / 'configs'


def roots(node):
    """Every data_root in a config."""
    if isinstance(node, dict):
        found = [node['data_root']] if 'data_root' in node else []
        return found + [root for value in node.values() for root in roots(value)]
    return [root for item in node for root in roots(item)] if isinstance(node, list | tuple) else []


@pytest.mark.parametrize(
    ('stem', 'places'),
    [('se_resnet50_imagenet', 3), ('se_resnet152_places365', 3), ('faster_rcnn_se_r50_2x_coco', 5)],
)
def test_one_option_reaches_every_place(stem, places):
    cfg = Config.fromfile(CONFIGS / f'{stem}.py')
    parts = [f'{split}_{part}' for split in ('train', 'val', 'test') for part in ('dataloader', 'evaluator')]
    before = {part: cfg.to_dict().get(part) for part in parts}
    assert len(roots(before)) == places
    set_data_root(cfg, 'data/other.lmdb')
    after = {part: cfg.to_dict().get(part) for part in parts}
    assert roots(after) == ['data/other.lmdb'] * places


def test_wrapped_data_sets_and_several_evaluators_are_reached():
    cfg = Config(
        dict(
            train_dataloader=dict(
                dataset=dict(
                    type='ConcatDataset',
                    datasets=[
                        dict(type='A', data_root='a'),
                        dict(type='RepeatDataset', dataset=dict(type='B', data_root='b')),
                    ],
                )
            ),
            val_dataloader=None,
            val_evaluator=[dict(type='Accuracy'), dict(type='CocoMinivalMetric', data_root='c')],
        )
    )
    set_data_root(cfg, 'x.zip')
    assert roots(cfg.to_dict()) == ['x.zip'] * 3
    assert 'data_root' not in cfg.val_evaluator[0]
