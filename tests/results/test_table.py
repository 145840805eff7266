"""Plain beside SE: one network a side, however it was set, and nothing but SE between the two."""

import pytest

from senet_mm.results.board import collect
from senet_mm.results.runs import find_runs
from senet_mm.results.table import pair_up
from tests.results.made_runs import data_of, digest, make_run

AMP = dict(key='amp', value=True, published=None)
OWN = {'model.backbone.type': 'senet_mm.ResNet', 'optim_wrapper.optimizer.lr': 0.1, 'train_cfg.max_epochs': 10}
SE_OWN = OWN | {'model.backbone.se.ratio': 16}


def ratio(value, published=16):
    return dict(key='model.backbone.se.ratio', value=value, published=published)


def add(folder, stem, top1, seed=0, hashed=True, **changes):
    """A run that measured something; of a shipped config, unless not hashed."""
    shipped = dict(published_hash=digest(stem)) if hashed else dict(published_hash=None, deviations=None)
    return make_run(folder, stem, seed, {'accuracy/top1': top1}, **shipped | changes)


def table(folder):
    """Titles → the values of plain and SE, and the gain, in %."""
    pairs, _ = pair_up(find_runs([folder])[0])
    found = {pair.titles: pair.values('accuracy/top1') for pair in pairs}
    assert len(found) == len(pairs)  # no two have the same titles
    return {key: tuple(value and value.values for value in values) for key, values in found.items()}


def test_every_ablation_is_a_pair_of_its_own(tmp_path):
    changes = dict(deviations=[AMP])
    add(tmp_path / 'plain', 'resnet50_ablation_imagenet', 76.0, **changes)
    for name, seed, top1 in (('r2', 0, 70.0), ('r8', 0, 77.0), ('r8', 1, 78.5), ('max', 0, 80.0)):
        add(tmp_path / f'{name}_{seed}', f'se_resnet50_ablation_{name}_imagenet', top1, seed, **changes)
    named = 'se_resnet50_ablation_{}_imagenet'.format
    assert table(tmp_path) == {
        ('resnet50_ablation_imagenet', named('max')): ((76.0,), (80.0,), (4.0,)),
        ('resnet50_ablation_imagenet', named('r2')): ((76.0,), (70.0,), (-6.0,)),
        ('resnet50_ablation_imagenet', named('r8')): ((76.0,), (77.0, 78.5), (1.0,)),
    }
    assert not [why for _, reasons in collect([tmp_path]).apart for why in reasons if 'counts once' in why]


def test_options_of_se_are_networks_of_their_own(tmp_path):
    add(tmp_path / 'plain', 'resnet20_demo', 60.0)
    add(tmp_path / 'r16', 'se_resnet20_demo', 61.0)
    add(tmp_path / 'r8', 'se_resnet20_demo', 71.0, seed=1, deviations=[ratio(8)])
    assert table(tmp_path) == {
        ('resnet20_demo', 'se_resnet20_demo'): ((60.0,), (61.0,), (1.0,)),
        ('resnet20_demo', 'se_resnet20_demo (se.ratio=8)'): ((60.0,), (71.0,), (11.0,)),
    }


def test_se_in_a_plain_config_is_se(tmp_path):
    add(tmp_path / 'plain', 'resnet20_demo', 60.0)
    add(tmp_path / 'with', 'resnet20_demo', 90.0, deviations=[ratio(8, None)])
    kind = dict(key='model.backbone.type', value='senet_mm.SEResNet', published='senet_mm.ResNet')
    add(tmp_path / 'type', 'resnet20_demo', 66.0, deviations=[kind])
    assert table(tmp_path) == {
        ('resnet20_demo', 'resnet20_demo (se.ratio=8)'): ((60.0,), (90.0,), (30.0,)),
        ('resnet20_demo', 'resnet20_demo (type=senet_mm.SEResNet)'): ((60.0,), (66.0,), (6.0,)),
    }


def test_an_se_config_without_se_is_plain(tmp_path):
    add(tmp_path / 'out', 'se_resnet20_demo', 60.0, settings={}, deviations=[ratio(None)])
    add(tmp_path / 'se', 'se_resnet20_demo', 62.0)
    assert table(tmp_path) == {
        ('se_resnet20_demo (se.ratio=None)', 'se_resnet20_demo'): ((60.0,), (62.0,), (2.0,)),
    }


def test_what_was_tested_with_other_options_is_apart(tmp_path):
    gate = dict(key='model.backbone.se.gate', value='relu', published=None)
    add(tmp_path / 'same', 'se_resnet20_demo', 61.0, deviations=[gate], tests=[dict(deviations=[gate])])
    add(tmp_path / 'other', 'se_resnet20_demo', 10.0, seed=1, deviations=[gate])
    pairs, _ = pair_up(find_runs([tmp_path])[0])
    assert sorted(len(pair.se) for pair in pairs) == [1, 1]


def test_configs_that_nobody_published_are_compared_by_their_settings(tmp_path):
    add(tmp_path / 'plain', 'mynet_cars', 60.0, hashed=False, settings=OWN)
    add(tmp_path / 'se', 'se_mynet_cars', 61.5, hashed=False, settings=SE_OWN)
    longer = {'optim_wrapper.optimizer.lr': 0.5, 'train_cfg.max_epochs': 50}
    add(tmp_path / 'longer', 'se_mynet_cars', 99.0, hashed=False, settings=SE_OWN | longer)
    add(tmp_path / 'r8', 'se_mynet_cars', 63.0, hashed=False, settings=SE_OWN | {'model.backbone.se.ratio': 8})
    pairs, _ = pair_up(find_runs([tmp_path])[0])
    folders = [[run.folder.name for run in (*pair.plain, *pair.se)] for pair in pairs]
    assert sorted(folders) == [['longer'], ['plain', 'r8'], ['plain', 'se']]
    assert {pair.titles for pair in pairs if len(pair.plain)} == {
        ('mynet_cars', 'se_mynet_cars'),
        ('mynet_cars', 'se_mynet_cars (se.ratio=8)'),
    }


@pytest.mark.parametrize(
    ('plain', 'se', 'together'),
    [
        ({'train_dataloader.num_workers': 2}, {'train_dataloader.num_workers': 8}, True),
        ({'train_dataloader.dataset.data_root': 'a'}, {'train_dataloader.dataset.data_root': 'b'}, True),
        ({'default_hooks.checkpoint.interval': 1}, {'default_hooks.checkpoint.interval': 5}, True),
        ({'randomness.seed': 0}, {}, True),
        ({}, {'model.backbone.type': 'senet_mm.SEResNet'}, True),
        ({}, {'model.backbone.type': 'senet_mm.VGG'}, False),
        ({'model.backbone.depth': 50}, {'model.backbone.depth': 101}, False),
        ({'model.backbone.init_cfg.checkpoint': 'a'}, {'model.backbone.init_cfg.checkpoint': 'b'}, True),
        ({}, {'model.backbone.init_cfg.checkpoint': 'b'}, False),
        ({'train_dataloader.dataset.pipeline.1.scale': 224}, {'train_dataloader.dataset.pipeline.1.scale': 320}, False),
    ],
)
def test_what_has_a_say_in_the_result(tmp_path, plain, se, together):
    add(tmp_path / 'plain', 'mynet_cars', 60.0, hashed=False, settings=OWN | plain)
    add(tmp_path / 'se', 'se_mynet_cars', 61.0, hashed=False, settings=SE_OWN | se)
    assert (len(table(tmp_path)) == 1) == together


def test_the_batch_of_an_update_and_what_a_test_was_told(tmp_path):
    add(tmp_path / 'plain', 'mynet_cars', 60.0, hashed=False, settings=OWN, batch=128)
    small = dict(batch=32, settings=SE_OWN | {'train_dataloader.batch_size': 32})
    add(tmp_path / 'small', 'se_mynet_cars', 61.0, hashed=False, **small)
    told = dict(overrides={'model.test_cfg.score_thr': 0.5, 'optim_wrapper.optimizer.lr': 0.1})
    add(tmp_path / 'told', 'se_mynet_cars', 62.0, 1, hashed=False, settings=SE_OWN, batch=128, tests=[told])
    assert len(table(tmp_path / 'plain')) == 1
    pairs, _ = pair_up(find_runs([tmp_path])[0])
    assert all(not pair.plain or not pair.se for pair in pairs)
    trained = dict(overrides={'optim_wrapper.optimizer.lr': 0.1})  # typed again for the test
    add(tmp_path / 'same', 'se_mynet_cars', 63.0, 2, hashed=False, settings=SE_OWN, batch=128, tests=[trained])
    assert [[run.folder.name for run in pair.se] for pair in pair_up(find_runs([tmp_path])[0])[0] if pair.plain] == [
        ['same']
    ]


def test_one_published_config_beside_one_of_ones_own(tmp_path):
    add(tmp_path / 'plain', 'resnet34_imagenet', 74.0, settings=OWN)
    add(tmp_path / 'se', 'se_resnet34_imagenet', 75.0, hashed=False, settings=SE_OWN)
    add(
        tmp_path / 'other', 'se_resnet34_imagenet', 99.0, 1, hashed=False, settings=SE_OWN | {'train_cfg.max_epochs': 9}
    )
    assert table(tmp_path)['resnet34_imagenet', 'se_resnet34_imagenet'] == ((74.0,), (75.0,), (1.0,))


def test_detectors_of_the_demo_each_start_from_their_own_backbone(tmp_path):
    small = dict(train=data_of('', 'train', official=False))
    for name, se in (('faster_rcnn_r50_demo', ''), ('faster_rcnn_se_r50_demo', 'se_')):
        settings = {'model.backbone.init_cfg.checkpoint': f'work_dirs/{se}resnet50_demo/epoch_5.pth'}
        settings |= {'model.backbone.se.ratio': 16} if se else {}
        batch = [dict(key='batch', value=4, published=16)]
        add(tmp_path / name, name, 60.0 + len(se), data=small, settings=settings, deviations=batch)
    assert table(tmp_path) == {('faster_rcnn_r50_demo', 'faster_rcnn_se_r50_demo'): ((60.0,), (63.0,), (3.0,))}


def test_the_first_of_a_seed_whatever_the_clocks_zone(tmp_path):
    add(tmp_path / 'b', 'resnet20_demo', 60.0, started='2026-01-01T01:00:00+02:00')  # 23:00 in UTC, the day before
    add(tmp_path / 'a', 'resnet20_demo', 10.0, started='2026-01-01T00:30:00+00:00')
    ((pair,), ((later, why),)) = pair_up(find_runs([tmp_path])[0])
    assert [run.folder.name for run in pair.plain] == ['b']
    assert (later.folder.name, why) == ('a', f'seed 0 counts once, and {tmp_path / "b"} was first')
