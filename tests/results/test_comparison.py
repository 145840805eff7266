"""Which runs may stand in a table: every way not to be comparable, and that none of them ever gets in."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from senet_mm.engine.record import read_record, write_record
from senet_mm.results.comparison import SLOTS, STEMS, judge
from senet_mm.results.layouts import LAYOUTS, stems_of
from senet_mm.results.paper import RELEASED
from senet_mm.results.runs import find_runs
from tests.results.made_runs import data_of, digest, make_broken, make_run, metrics_of

STEM = 'resnet50_imagenet'
pytestmark = pytest.mark.usefixtures('made')
REASONS = {
    'lr': 'trained with optim_wrapper.optimizer.lr 0.1 instead of 0.6',
    'crop': 'tested with test_dataloader.dataset.pipeline.2.crop_size 320 instead of 224',
    'mirrored': 'tested with tta True instead of False',
    'edited_config': 'configs/resnet50_imagenet.py was not as published when it was used for the training',
    'demo_data': 'trained on 150 images of CocoMinival (train); the published set has 118,287',
    'best': 'best_37.pth is not the checkpoint that its training ended with',
    'uncommitted': 'the code had changes that were not committed: senet_mm/layers/se.py and 1 more',
    'killed': 'it was cut off after 3.2 hours: no end is recorded, and nothing runs any more',
    'failed': 'it failed after 1.0 hours: OutOfMemoryError: CUDA out of memory',
    'stopped': 'it was stopped after 1.0 hours',
    'untested': 'it was not tested yet',
    'edited_record': 'run.json was changed by hand: its seal does not fit',
    'edited_metrics': 'metrics.json was changed after the test',
    'unrecorded': 'there is no record of its training (run.json)',
}


def judged(folder):
    runs, broken = find_runs([folder])
    return judge(runs), broken


def test_nothing_that_is_wrong_gets_into_a_table_and_each_has_its_reason(made):
    make_run(made / STEM, STEM, 0)
    places = make_broken(made)
    verdicts, broken = judged(made)
    ((slot, seeds),) = verdicts.counted.items()
    assert (slot, [run.folder for run, _ in seeds.values()]) == ((STEM, None), [made / STEM])
    found = {run.folder: reasons for run, reasons in verdicts.apart}
    assert {kind: found[places[kind]] for kind in REASONS} == {kind: (reason,) for kind, reason in REASONS.items()}
    assert found[places['second']] == (f'seed 0 counts once, and {made / STEM} was first',)
    assert {item.path for item in broken} == {places['half_record'], places['half_metrics']}
    assert len(found) == len(REASONS) + 1


def test_every_slot_is_in_a_table():
    assert {stem for number in LAYOUTS for stem in stems_of(number)} == STEMS
    assert {stem for stem, _ in SLOTS} == STEMS | set(RELEASED)


CHANGES = {
    'status': st.sampled_from(['running', 'failed', 'interrupted']),
    'deviations': st.just([dict(key='model.backbone.se.ratio', value=8, published=16)]),
    'published_hash': st.text() | st.none(),
    'data': st.just({}) | st.just(dict(train=data_of('', 'train', official=False))),
    'dirty': st.lists(st.text(min_size=1), min_size=1),
    'sessions': st.just([]),
    'checkpoints': st.just([]) | st.just([dict(file='epoch_90.pth', sha256=digest('another'))]),
    'edited': st.just(True),
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.sampled_from(sorted(CHANGES)), min_size=1), st.data())
def test_no_record_with_anything_amiss_counts(tmp_path_factory, made, names, data):
    folder = make_run(tmp_path_factory.mktemp('run'), 'se_resnet50_imagenet')
    record = read_record(folder / 'run.json')
    write_record(folder / 'run.json', record | {name: data.draw(CHANGES[name]) for name in sorted(names)})
    verdicts, _ = judged(folder)
    assert verdicts.counted == {}
    ((_, reasons),) = verdicts.apart
    assert reasons


def test_of_several_tests_the_last_that_fits_counts(made):
    good, late = dict(metrics={'accuracy/top1': 75.0}), dict(metrics={'accuracy/top1': 76.0})
    mirrored = dict(
        tta=True, deviations=[dict(key='tta', value=True, published=False)], metrics={'accuracy/top1': 99.0}
    )
    make_run(made / STEM, STEM, tests=[good, late, mirrored])
    (seeds,) = judged(made)[0].counted.values()
    assert seeds[0][1].metrics == {'accuracy/top1': 76.0}


def test_a_config_changed_between_training_and_test_is_noticed(made):
    make_run(made / STEM, STEM, tests=[dict(published_hash=digest('another'))])
    verdicts, _ = judged(made)
    assert verdicts.counted == {}
    assert verdicts.apart[0][1] == ('configs/resnet50_imagenet.py was not as published when it was used for the test',)


def test_large_crops_count_where_the_paper_has_them(made):
    tests = [{}, dict(crops='center-320', metrics=metrics_of('senet154_imagenet', 0, 'center-320'))]
    make_run(made / 'senet', 'senet154_imagenet', tests=tests)
    make_run(made / STEM, STEM, tests=[dict(crops='center-320')])
    verdicts, _ = judged(made)
    assert set(verdicts.counted) == {('senet154_imagenet', None), ('senet154_imagenet', 'center-320')}
    ((_, reasons),) = verdicts.apart
    assert reasons == ('its crops are those of no table',)


def test_a_detector_may_start_from_weights_trained_here(made):
    weights = make_run(made / 'weights', 'se_resnet50_imagenet')
    sha256 = read_record(weights / 'run.json')['checkpoints'][0]['sha256']
    keys = ('model.backbone.init_cfg.checkpoint', 'model.backbone.style')
    options = dict(deviations=[dict(key=key, value='ours', published='theirs') for key in keys])
    stem = 'faster_rcnn_se_r50_2x_coco'
    style = dict(key='model.backbone.style', value='ours', published='theirs')  # the test has to say it, too
    ours = dict(weights=dict(file='epoch_100.pth', sha256=sha256), **options)
    make_run(made / 'ours', stem, 0, tests=[dict(deviations=[style])], **ours)
    make_run(made / 'without', stem, 2, tests=[dict(deviations=[style | dict(value='neither')])], **ours)
    make_run(made / 'unknown', stem, 1, weights=dict(file='epoch_100.pth', sha256=digest('unknown')), **options)
    make_run(made / 'published style', stem, 3, **ours)
    # the plain detector may not start from SE weights
    make_run(made / 'plain', 'faster_rcnn_r50_2x_coco', 0, weights=dict(sha256=sha256), **options)
    verdicts, _ = judged(made)
    assert [run.folder.name for run, _ in verdicts.counted[stem, None].values()] == ['ours']
    assert sorted(run.folder.name for run, _ in verdicts.apart) == ['plain', 'published style', 'unknown', 'without']


def converted(folder, stem, source='timm', **changes):
    options = dict(sessions=[], status='tested', checkpoints=[], data={})
    test = dict(provenance=dict(source=source), sha256=digest(source)) | changes
    return make_run(folder, stem, metrics={'accuracy/top1': 80.0}, tests=[test], **options)


def test_converted_weights_are_never_ours(made):
    own = dict(deviations=[dict(key='model.backbone.style', value='pytorch', published='caffe')])
    converted(made / 'timm', 'se_resnet50_imagenet', **own)
    crop = dict(deviations=[dict(key='test_dataloader.dataset.pipeline.1.scale', value=292, published=256)])
    converted(made / 'crop', 'se_resnet50_imagenet', **crop)
    converted(made / 'demo', 'se_resnet50_imagenet', data=data_of('', 'test', official=False))
    verdicts, _ = judged(made)
    assert verdicts.counted == {}
    (((stem, _), ((run, test),)),) = verdicts.converted.items()
    assert (stem, run.folder.name, test.provenance) == ('se_resnet50_imagenet', 'timm', dict(source='timm'))
    reasons = {run.folder.name: reasons for run, reasons in verdicts.apart}
    assert reasons == {
        'crop': ('tested with test_dataloader.dataset.pipeline.1.scale 292 instead of 256',),
        'demo': ('tested on 50 images of CocoMinival (minival); the published set has 5,000',),
    }


def test_released_weights_are_the_authors(made):
    converted(made / 'authors', 'se_resnet50_released_imagenet', 'caffe')
    converted(made / 'other', 'se_resnet50_released_imagenet', 'timm')
    verdicts, _ = judged(made)
    (results,) = verdicts.converted.values()
    assert [run.folder.name for run, _ in results] == ['authors']
    assert verdicts.apart[0][1] == ('the weights are from timm, not the authors’ own',)


def test_a_run_with_tests_of_others_weights_counts_by_its_own(made):
    make_run(made / STEM, STEM, tests=[{}, dict(provenance=dict(source='timm'), metrics={'accuracy/top1': 99.0})])
    verdicts, _ = judged(made)
    assert verdicts.counted[STEM, None][0][1].metrics['accuracy/top1'] == pytest.approx(75.1)
    assert verdicts.converted[STEM, None][0][1].metrics['accuracy/top1'] == 99.0
    assert verdicts.apart == []


def test_the_demo_is_apart(made):
    small = dict(train=data_of('', 'train', official=False))
    make_run(made / 'demo', 'faster_rcnn_r50_demo', metrics={'coco/bbox_mAP': 0.4}, data=small)
    ((_, reasons),) = judged(made)[0].apart
    assert reasons == (
        'none of the paper’s tables has faster_rcnn_r50_demo',
        'trained on 150 images of CocoMinival (train); the published set has 118,287',
    )
