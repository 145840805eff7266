"""The paper's tables: every figure of paper.csv in its place, ours and their gains by hand, commands."""

import csv
import shutil
from collections import Counter
from pathlib import Path

import pytest

from senet_mm.data.errors import DataError
from senet_mm.engine.record import read_record
from senet_mm.results import paper
from senet_mm.results.board import collect
from senet_mm.results.layouts import LAYOUTS, parse_tables, stems_of
from senet_mm.results.tables import Cell
from tests.results.made_runs import digest, make_run, make_runs

pytestmark = pytest.mark.usefixtures('made')
EXTRA = {'gain', 'released', 'converted', 'speed'}  # columns that paper.csv does not have


def table(number, *folders):
    return next(table for table in collect([*folders, Path()]).tables if table.number == number)


def cell(found, label, key):
    (row,) = [row for row in found.rows if row.label == label]
    keys = [column.key for column in found.columns]
    return row.cells[keys.index(key)]


def test_every_figure_of_the_paper_is_in_its_table(made):
    with (Path(paper.__file__).parent / 'paper.csv').open(newline='') as file:
        wanted = Counter((int(line['table']), float(line['value'])) for line in csv.DictReader(file))
    shown = Counter(
        (found.number, value.paper)
        for found in collect([made]).tables
        for row in found.rows
        for column, value in zip(found.columns, row.cells, strict=True)
        if value.paper is not None and not EXTRA & set(column.key.split('_'))
    )
    assert shown == wanted
    assert shown.total() == 237


@pytest.mark.parametrize(
    ('number', 'label', 'key', 'gain'),
    [
        (2, 'ResNet-50', 'gain_se_top1_err', 1.51),
        (2, 'Inception-ResNet-v2', 'gain_se_top5_err', 0.42),
        (3, 'ShuffleNet', 'gain_se_top1_err', 1.60),
        (5, 'ResNet-110', 'gain_se_top1_err', 3.03),
        (6, 'SE-ResNet-152', 'gain_top1_err', 0.78),
        (7, 'SE-ResNet-50', 'gain_ap', 2.4),
        (7, 'SE-ResNet-101', 'gain_ap50', 2.6),
        (12, 'ReLU', 'gain_top1_err', -0.17),
    ],
)
def test_the_papers_gains_are_positive_where_se_is_better(made, number, label, key, gain):
    assert cell(table(number), label, key).paper == pytest.approx(gain)


def test_where_there_is_nothing_to_compare_there_is_no_gain(made):
    assert cell(table(7), 'ResNet-50', 'gain_ap') == Cell()
    assert cell(table(10), 'original', 'gain_top1_err').applies is False


def test_ours_are_errors_of_accuracies_and_gains_over_seeds(made):
    for seed, (plain, se) in enumerate([(75.0, 76.5), (75.5, 76.5), (75.1, 76.4)]):
        make_run(made / f'a{seed}', 'resnet50_imagenet', seed, {'accuracy/top1': plain, 'accuracy/top5': 92.0})
        make_run(made / f'b{seed}', 'se_resnet50_imagenet', seed, {'accuracy/top1': se, 'accuracy/top5': 93.0})
    found = table(2)
    plain, se = (cell(found, 'ResNet-50', f'{role}_top1_err') for role in ('plain', 'se'))
    assert plain.ours.values == pytest.approx((25.0, 24.5, 24.9))
    assert plain.ours.mean == pytest.approx(24.8)
    assert plain.difference == pytest.approx(0.0)
    assert plain.ours.sd == pytest.approx(0.07**0.5)  # (0.04 + 0.09 + 0.01) / 2
    assert se.ours.mean == pytest.approx(23.5333333)
    gain = cell(found, 'ResNet-50', 'gain_se_top1_err')
    assert gain.ours.values == pytest.approx((1.5, 1.0, 1.3))
    t = 3.8 / 3 / ((0.19 / 3 - 0) ** 0.5 / 3**0.5)
    assert gain.ours.sd == pytest.approx((0.19 / 3) ** 0.5)
    assert gain.p_value == pytest.approx(1 - t / (t**2 + 2) ** 0.5)
    assert gain.difference == pytest.approx(3.8 / 3 - 1.51)
    assert [run.folder.name for run in gain.runs] == ['a0', 'a1', 'a2', 'b0', 'b1', 'b2']


def test_aggregates_of_five_hundred_runs_by_hand(made):
    """Eight seeds: offsets have the mean 0.1 without SE and 0 with it, and squares that add up to 0.28."""
    make_runs(made / 'work_dirs')
    for number, label, role, digits in [(3, 'ShuffleNet', 'plain', 32.6), (7, 'SE-ResNet-101', '', 41.9)]:
        metric = 'ap' if number == 7 else 'top1_err'
        ours = cell(table(number), label, '_'.join(part for part in (role, metric) if part)).ours
        assert ours.n == 8
        assert ours.mean == pytest.approx(digits + (0.1 if role == 'plain' else 0))
        assert ours.sd == pytest.approx((0.28 / 7) ** 0.5)
    gain = cell(table(3), 'ShuffleNet', 'gain_se_top1_err').ours
    assert gain.mean == pytest.approx(1.6 + 0.1)
    assert gain.sd == pytest.approx((1.08 / 7) ** 0.5)


def test_counts_are_computed_and_explained(made):
    params = cell(table(10), '16', 'cost_params_m')
    assert (params.ours.values, params.paper, params.command) == ((28.088024,), 28.1, None)
    flops = cell(table(2), 'Inception-ResNet-v2', 'cost_plain_gflops')
    assert (flops.paper, flops.ours.mean) == (11.75, pytest.approx(3.860488192))
    assert 'where the paper’s 11.75 G comes from is open' in table(2).notes[flops.notes[0] - 1]


def test_the_footnote_of_table_5(made):
    found = table(5)
    baseline = cell(found, 'Shake-Even 29 2x4x64d + Cutout', 'plain_top1_err')
    assert baseline.paper == 15.85
    assert found.notes[baseline.notes[0] - 1] == (
        '15.85 is Shake-Even’s without Cutout; with it, the authors of Cutout report 15.20.'
    )


def test_released_and_converted_weights_have_columns_of_their_own(made):
    assert cell(table(2), 'ResNet-50', 'released_top5_err').paper == 6.36
    assert cell(table(8), 'SENet-154', 'released_top1_err').paper == 18.68
    assert not any('converted' in column.key for column in table(2).columns)
    options = dict(sessions=[], status='tested', checkpoints=[], data={})
    for stem, source in (('se_resnet50_released_imagenet', 'caffe'), ('resnet50_imagenet', 'torchvision')):
        test = dict(provenance=dict(source=source), sha256=digest(source))
        make_run(made / source, stem, metrics={'accuracy/top1': 77.0, 'accuracy/top5': 93.5}, tests=[test], **options)
    found = table(2)
    assert cell(found, 'ResNet-50', 'released_top1_err').ours.values == (23.0,)
    assert cell(found, 'ResNet-50', 'converted_plain_top5_err').ours.values == (6.5,)
    for role in ('plain', 'se'):
        assert cell(found, 'ResNet-50', f'{role}_top1_err').ours is None


def test_speed_is_shown_where_it_was_measured(made):
    make_run(made / 'a', 'resnet110_cifar10', throughput=dict(images_per_s=4000.0))
    found = table(4)
    assert cell(found, 'ResNet-110', 'speed_plain_images_per_s').ours.values == (4000.0,)
    assert cell(found, 'ResNet-164', 'speed_plain_images_per_s').ours is None
    assert not any('speed' in column.key for column in table(5).columns)


TRAIN = 'tools/dist_train.sh configs/resnet50_imagenet.py 8'
TEST = 'tools/dist_test.sh configs/resnet50_imagenet.py "$(cat {}/last_checkpoint)" 8'


def command(stem_label='ResNet-50', key='plain_top1_err', number=2):
    return cell(table(number), stem_label, key).command


def test_what_fills_an_empty_cell(made):
    default = 'work_dirs/resnet50_imagenet'
    assert command() == f'{TRAIN} && {TEST.format(default)}'
    assert command('ResNet-110', number=4) == (
        'tools/train.py configs/resnet110_cifar10.py && tools/test.py configs/resnet110_cifar10.py '
        '"$(cat work_dirs/resnet110_cifar10/last_checkpoint)"'
    )
    assert command('ResNet-50', 'released_top1_err') == (
        'tools/convert_weights.py NAME.caffemodel data/weights/ && '
        'tools/test.py configs/se_resnet50_released_imagenet.py data/weights/FILE'
    )
    large = command('SENet-154', 'top1_err_320', 8)
    assert large.startswith('NNODES=8 NODE_RANK=<0…7> MASTER_ADDR=<the first> tools/dist_train.sh')
    assert large.endswith(' 8 --crops center-320')
    assert table(8).commands()[0] == large  # it fills the other column, too


def test_what_was_begun_is_gone_on_with(made):
    default, other = Path('work_dirs', 'resnet50_imagenet'), Path('work_dirs', 'resnet50_imagenet', 'seed_1')
    make_run(default, 'resnet50_imagenet', metrics={}, status='running')
    seed = '--cfg-options randomness.seed=0'
    assert command() == f'{TRAIN} --resume {seed} && {TEST.format(default)}'
    shutil.rmtree(default)
    make_run(default, 'resnet50_imagenet', metrics={}, status='running', hardware=dict(processes=2))
    train = TRAIN.replace(' 8', ' 2')  # its iterations are those of two GPUs
    assert command() == f'{train} --resume --accumulate {seed} && {TEST.format(default)}'
    shutil.rmtree(default)
    settings = {'train_dataloader.batch_size': 32}
    make_run(default, 'resnet50_imagenet', metrics={}, status='running', settings=settings)
    accumulated = f'--accumulate --cfg-options train_dataloader.batch_size=32 {seed.split()[1]}'
    assert command() == f'{TRAIN} --resume {accumulated} && {TEST.format(default)}'
    make_run(other, 'resnet50_imagenet', 1, metrics={})
    assert command() == f'{TEST.format(other)} --work-dir {other}'


def test_a_detector_goes_on_with_its_own_backbone(made):
    weights = make_run(made / 'weights', 'resnet50_imagenet')
    sha256 = read_record(weights / 'run.json')['checkpoints'][0]['sha256']
    own = {'model.backbone.init_cfg.checkpoint': 'my weights.pth', 'model.backbone.style': 'caffe'}
    options = dict(
        deviations=[dict(key=key, value=value, published='theirs') for key, value in own.items()],
        weights=dict(file='my weights.pth', sha256=sha256),
    )
    folder = make_run(Path('work_dirs', 'faster_rcnn_r50_2x_coco'), 'faster_rcnn_r50_2x_coco', metrics={}, **options)
    assert command('ResNet-50', 'ap', 7) == (
        f'tools/dist_test.sh configs/faster_rcnn_r50_2x_coco.py "$(cat {folder}/last_checkpoint)" 8 '
        '--cfg-options model.backbone.style=caffe'
    )


def test_a_run_that_does_not_count_is_not_overwritten(made):
    lr = dict(key='optim_wrapper.optimizer.lr', value=0.1, published=0.6)
    folder = Path('work_dirs', 'resnet50_imagenet')
    make_run(folder, 'resnet50_imagenet', deviations=[lr])
    where = 'work_dirs/resnet50_imagenet_as_published'
    assert command() == f'{TRAIN} --work-dir {where} && {TEST.format(where)} --work-dir {where}'


def test_a_network_tested_at_224_lacks_only_the_test_at_320(made):
    folder = make_run(Path('work_dirs', 'senet154_imagenet'), 'senet154_imagenet')
    assert command('SENet-154', 'top1_err_320', 8) == (
        f'tools/dist_test.sh configs/senet154_imagenet.py "$(cat {folder}/last_checkpoint)" 8 --crops center-320'
    )
    assert read_record(folder / 'run.json')['status'] == 'finished'


def test_tables_by_their_names():
    assert parse_tables(['7', 'cifar10', '7']) == [4, 7]
    assert parse_tables(['imagenet']) == [2, 3, 8, 9]
    assert parse_tables(['ablation']) == list(range(10, 17))
    assert parse_tables(['all']) == list(LAYOUTS) == list(range(2, 17))
    with pytest.raises(DataError, match=r'there is no table 1, coc; there are 2, 3, .*, coco, ablation, all$'):
        parse_tables(['1', 'coc'])


def test_the_configs_of_a_table():
    assert stems_of(6) == ('resnet152_places365', 'se_resnet152_places365')
    assert stems_of(16) == (
        'resnet50_ablation_imagenet',
        'se_resnet50_ablation_nosqueeze_imagenet',
        'se_resnet50_ablation_r16_imagenet',
    )
    assert len({stem for number in LAYOUTS for stem in stems_of(number)}) == 61
