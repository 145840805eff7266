"""Of a detector's test, every n-th image is drawn, whatever the batches."""

from types import SimpleNamespace

import pytest
from mmdet.structures import DetDataSample
from mmengine.registry import HOOKS
from mmengine.visualization import Visualizer

import senet_mm.registry  # noqa: F401  (has the hook)


@pytest.mark.parametrize(('interval', 'drawn'), [(1, [0, 1, 2, 3, 4, 5, 6]), (3, [0, 3, 6]), (7, [0])])
def test_every_nth_image_of_a_test_is_drawn(demo, tmp_path, interval, drawn):
    Visualizer.get_instance('test_detection_pictures')
    hook = HOOKS.build(
        dict(type='senet_mm.DetectionPictures', draw=True, interval=interval, test_out_dir='pictures', score_thr=0.5)
    )
    assert hook.score_thr == 0.5
    calls = []
    hook._visualizer = SimpleNamespace(add_datasample=lambda name, image, **options: calls.append(options['out_file']))
    paths = sorted((demo / 'coco' / 'val2014').iterdir())[:7]
    samples = [DetDataSample(metainfo=dict(img_path=str(path))) for path in paths]
    runner = SimpleNamespace(work_dir=str(tmp_path), timestamp='20260101_000000')
    for index, batch in enumerate([samples[:2], samples[2:4], samples[4:6], samples[6:]]):
        hook.after_test_iter(runner, index, {}, batch)
    folder = tmp_path / '20260101_000000' / 'pictures'
    assert calls == [str(folder / paths[number].name) for number in drawn]
