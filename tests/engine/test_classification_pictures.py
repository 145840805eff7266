"""A classifier's pictures are where a detector's are: below the work dir's time stamp."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import HOOKS
from mmengine.visualization import Visualizer
from mmpretrain.structures import DataSample

import senet_mm.registry  # noqa: F401  (has the hook)


@pytest.mark.parametrize('absolute', [False, True])
def test_a_relative_folder_is_below_the_time_stamp(tmp_path, absolute):
    Visualizer.get_instance('test_classification_pictures')
    given = str(tmp_path / 'elsewhere') if absolute else 'pictures'
    hook = HOOKS.build(dict(type='senet_mm.ClassificationPictures', enable=True, interval=2, out_dir=given))
    calls = []
    hook._visualizer = SimpleNamespace(visualize_cls=lambda **options: calls.append(options['out_file']))
    runner = SimpleNamespace(work_dir=str(tmp_path), timestamp='20260101_000000')
    hook.before_test(runner)
    samples = [DataSample(metainfo=dict(img_path=f'val/{name}.JPEG')) for name in 'abc']
    hook.after_test_iter(runner, 0, dict(inputs=torch.zeros(3, 3, 4, 4)), samples)
    folder = tmp_path / 'elsewhere' if absolute else tmp_path / '20260101_000000' / 'pictures'
    assert calls == [f'{folder}/a.JPEG_0.png', f'{folder}/c.JPEG_0.png']


def test_without_a_folder_the_visualizer_says_where():
    Visualizer.get_instance('test_classification_pictures')
    hook = HOOKS.build(dict(type='senet_mm.ClassificationPictures', enable=True))
    hook.before_test(SimpleNamespace(work_dir='work', timestamp='now'))
    assert hook.out_dir is None
