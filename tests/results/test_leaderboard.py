"""The table of a pair of runs, byte for byte, and what is said when something is missing."""

import json

import pytest

from senet_mm.data.errors import DataError
from senet_mm.results.leaderboard import render
from senet_mm.results.runs import pair_runs, plain_name, read_run


def write(folder, name, parameters, **metrics):
    (folder / name).mkdir(parents=True)
    record = dict(parameters=parameters, metrics={key.replace('__', '/'): value for key, value in metrics.items()})
    (folder / name / 'metrics.json').write_text(json.dumps(record))


@pytest.fixture
def pair(tmp_path):
    write(tmp_path, 'faster_rcnn_r50_demo', 41_000_000, coco__bbox_mAP=0.4, coco__bbox_mAP_50=0.7)
    write(tmp_path, 'faster_rcnn_se_r50_demo', 43_530_000, coco__bbox_mAP=0.425, coco__bbox_mAP_50=0.69)
    return tmp_path


def test_pair_as_text(pair):
    assert render([pair]) == (
        'faster_rcnn_r50_demo / faster_rcnn_se_r50_demo    plain    SE     difference\n'
        '------------------------------------------------  -------  -----  ------------\n'
        'AP (%)                                            40.0     42.5   +2.5\n'
        'AP@0.5 (%)                                        70.0     69.0   -1.0\n'
        'parameters (M)                                    41.00    43.53  +2.53\n'
        '\n'
        'SE is better here: AP (%) +2.5 (one run each).'
    )


def test_a_loss_is_said(tmp_path):
    write(tmp_path, 'resnet50_demo', 1, accuracy__top1=66.0)
    write(tmp_path, 'se_resnet50_demo', 1, accuracy__top1=64.0)
    text = render([tmp_path], 'md')
    assert text.endswith('SE is not better here: top-1 accuracy (%) -2.0 (one run each).')
    assert '| top-1 accuracy (%)' in text


def test_what_was_not_run_is_a_dash(tmp_path):
    write(tmp_path, 'se_resnet50_demo', 1_500_000, accuracy__top1=64.0)
    text = render([tmp_path])
    assert [line.split() for line in text.splitlines()[2:4]] == [
        ['top-1', 'accuracy', '(%)', '—', '64.0', '—'],
        ['parameters', '(M)', '—', '1.50', '—'],
    ]
    assert text.endswith('There is no plain run to compare with.')


@pytest.mark.parametrize(
    ('se', 'plain'),
    [
        ('se_resnet50_imagenet', 'resnet50_imagenet'),
        ('faster_rcnn_se_r101_2x_coco', 'faster_rcnn_r101_2x_coco'),
        ('resnet50_imagenet', None),
        ('mouse_r50', None),
    ],
)
def test_names_pair_by_their_se(se, plain):
    assert plain_name(se) == plain


def test_pairs_keep_both_sides(pair):
    ((plain, se),) = pair_runs([read_run(pair / 'faster_rcnn_se_r50_demo'), read_run(pair / 'faster_rcnn_r50_demo')])
    assert (plain.name, se.name) == ('faster_rcnn_r50_demo', 'faster_rcnn_se_r50_demo')


@pytest.mark.parametrize('content', ['{', '[]', '{"metrics": {}}', '{"parameters": 1, "metrics": {"a": "b"}}'])
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'metrics.json').write_text(content)
    with pytest.raises(DataError, match=r'run/metrics\.json is not what tools/test\.py writes'):
        render([tmp_path])


def test_nothing_tested_yet(tmp_path):
    with pytest.raises(DataError, match=r'no run in .* was tested yet: tools/test\.py CONFIG CHECKPOINT'):
        render([tmp_path])
