"""The CIFAR recipes as they run: every learning rate against the originals' own formulas, and what decays.

The originals count epochs and iterations from 1: fb.resnet.torch's and xgastaldi/shake-shake's `train.lua`
(`learningRate`, `learningRateCosine`), wide-residual-networks' `train.lua` (`epoch_step`).
"""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import init_default_scope

from senet_mm.registry import MODELS
from senet_mm.results.paper import paper_value
from senet_mm.results.runs import plain_name
from tests.schedule import Schedule

CONFIGS = Path(__file__).parents[1] / 'configs'
CIFAR = sorted(path for path in CONFIGS.glob('*_cifar*.py'))
RECIPES = {  # stem → first learning rate, weight decay, epochs, batch
    'resnet20_cifar10': (0.1, 1e-4, 164, 128),
    'resnet110_cifar10': (0.1, 1e-4, 164, 128),
    'resnet110_cifar100': (0.1, 1e-4, 164, 128),
    'resnet164_cifar10': (0.1, 1e-4, 164, 128),
    'resnet164_cifar100': (0.1, 1e-4, 164, 128),
    'wrn16_8_cifar10': (0.1, 5e-4, 200, 128),
    'wrn16_8_cifar100': (0.1, 5e-4, 200, 128),
    'shake_shake26_2x96d_cutout_cifar10': (0.2, 1e-4, 1800, 128),
    'shake_even29_2x4x64d_cutout_cifar100': (0.025, 5e-4, 1800, 32),
}
FOLLOWED = {164: 'se_resnet110_cifar10', 200: 'se_wrn16_8_cifar100', 1800: 'se_shake_shake26_2x96d_cutout_cifar10'}
GPUS = {'shake_shake26_2x96d_cutout_cifar10': 2, 'shake_even29_2x4x64d_cutout_cifar100': 2}
PAPER = {  # Tables 4 and 5: plain and SE, error in per cent
    'resnet110_cifar10': (6.37, 5.21),
    'resnet164_cifar10': (5.46, 4.39),
    'wrn16_8_cifar10': (4.27, 3.88),
    'shake_shake26_2x96d_cutout_cifar10': (2.56, 2.12),
    'resnet110_cifar100': (26.88, 23.85),
    'resnet164_cifar100': (24.33, 21.31),
    'wrn16_8_cifar100': (20.43, 19.14),
    'shake_even29_2x4x64d_cutout_cifar100': (15.85, 15.41),
}


STATISTICS = {  # mean, standard deviation
    'cifar10': ([125.3, 123.0, 113.9], [63.0, 62.1, 66.7]),
    'cifar100': ([129.3, 124.1, 112.4], [68.2, 65.4, 70.4]),
}
HOLES = {'shake_shake26_2x96d_cutout_cifar10': 16, 'shake_even29_2x4x64d_cutout_cifar100': 8}
MILLIONS = {'resnet110': 1.7, 'resnet164': 1.7, 'wrn16_8': 11.0, 'shake_shake26': 26.2, 'shake_even29': 34.4}


def stem(path):
    return path.stem


def fb_resnet(epoch, iteration):
    """fb.resnet.torch for CIFAR, with Identity Mappings' 400 slow iterations; both numbers from 1."""
    warm_up = 0.1 if (epoch - 1) * 391 + iteration <= 400 else 1
    return 0.1 * warm_up * (0.01 if epoch >= 122 else 0.1 if epoch >= 81 else 1)


def wide_resnet(epoch, _):
    return 0.1 * 0.2 ** sum(epoch >= step for step in (60, 120, 160))


def follow(cfg, formula, iterations, tmp_path):
    """Compare every iteration with `formula`; the table of epochs at which the rate changed, from 1."""
    changes = {}
    for epoch, rates in enumerate(Schedule(cfg, iterations, tmp_path).rates(cfg.train_cfg.max_epochs), 1):
        assert rates == pytest.approx([formula(epoch, i) for i in range(1, iterations + 1)], abs=1e-9)
        print(f'epoch {epoch:4d}: learning rate {rates[0]:.6g} … {rates[-1]:.6g}')
        if not changes or rates[-1] != pytest.approx(list(changes.values())[-1]):
            changes[epoch] = rates[-1]
    return changes


def test_schedule_of_the_preactivation_networks(tmp_path):
    cfg = Config.fromfile(CONFIGS / f'{FOLLOWED[164]}.py')
    assert follow(cfg, fb_resnet, 391, tmp_path) == pytest.approx({1: 0.01, 2: 0.1, 81: 0.01, 122: 0.001})


def test_schedule_of_the_wide_network(tmp_path):
    cfg = Config.fromfile(CONFIGS / f'{FOLLOWED[200]}.py')
    expected = {1: 0.1, 60: 0.02, 120: 0.004, 160: 0.0008}
    assert follow(cfg, wide_resnet, 391, tmp_path) == pytest.approx(expected)


@pytest.mark.parametrize('name', [FOLLOWED[1800], 'se_shake_even29_2x4x64d_cutout_cifar100'])
def test_schedule_of_the_shake_networks(name, tmp_path):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    first, _, epochs, _ = RECIPES[plain_name(name)]
    iterations = 10  # an epoch; the cosine is over all of them

    def cosine(epoch, iteration):
        # The original's iteration counts from 1, so that its last one has rate 0; ours from 0: the first one has all.
        done = (epoch - 1) * iterations + iteration - 1
        return 0.5 * first * (1 + math.cos(math.pi * done / (epochs * iterations)))

    last = list(follow(cfg, cosine, iterations, tmp_path))[-1]
    assert last == epochs  # it falls in every epoch


@pytest.mark.parametrize('path', CIFAR, ids=stem)
def test_recipe(path):
    cfg = Config.fromfile(path)
    name = plain_name(path.stem) or path.stem
    rate, decay, epochs, batch = RECIPES[name]
    optimizer = dict(type='SGD', lr=rate, momentum=0.9, weight_decay=decay, nesterov=True)
    assert cfg.optim_wrapper == dict(type='OptimWrapper', optimizer=optimizer)  # nothing is exempt from weight decay
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.param_scheduler == Config.fromfile(CONFIGS / f'{FOLLOWED[epochs]}.py').param_scheduler
    assert cfg.train_dataloader.batch_size * GPUS.get(name, 1) == cfg.auto_scale_lr.base_batch_size == batch
    assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes == (100 if 'cifar100' in name else 10)


def test_weight_decay_is_on_every_parameter():
    """Torch's `getParameters` is one vector of all: weights, BatchNorm's scales and shifts, biases."""
    from mmengine.optim import build_optim_wrapper

    cfg = Config.fromfile(CONFIGS / 'se_resnet20_cifar10.py')
    network = MODELS.build(cfg.model.backbone)
    wrapper = build_optim_wrapper(network, cfg.optim_wrapper)
    decayed = [p for group in wrapper.param_groups for p in group['params'] if group['weight_decay'] == 1e-4]
    assert {id(p) for p in decayed} == {id(p) for p in network.parameters()}


def test_all_sixteen_of_tables_4_and_5_are_there():
    assert set(PAPER) | {'resnet20_cifar10'} == set(RECIPES) == {plain_name(p.stem) for p in CIFAR} - {None}
    assert len(CIFAR) == 18
    for name, (plain, se) in PAPER.items():
        assert paper_value(name, 'top1_err') == plain
        front, _, back = name.partition('_')
        assert paper_value(f'se_{front}_{back}', 'top1_err') == se


@pytest.mark.parametrize('path', [path for path in CIFAR if 'resnet20' not in path.stem], ids=stem)
def test_header_has_the_papers_number(path):
    assert f'error {paper_value(path.stem, "top1_err"):.2f} %' in path.read_text()


@pytest.mark.parametrize('path', CIFAR, ids=stem)
def test_images_are_prepared_as_in_the_table(path):
    """Neither mmpretrain's standard deviations and steps for CIFAR nor its Cutout come in by inheritance."""
    pipeline = Config.fromfile(path).train_dataloader.dataset.pipeline
    name = plain_name(path.stem) or path.stem
    mean, std = STATISTICS[name.rpartition('_')[2]]
    hole = [dict(type='senet_mm.Cutout', size=HOLES[name])] if name in HOLES else []
    assert pipeline[1] == dict(type='Normalize', mean=mean, std=std, to_rgb=False)
    assert [step.type for step in pipeline[:3]] == ['RandomFlip', 'Normalize', 'RandomCrop']
    assert pipeline[3:] == [*hole, dict(type='PackInputs')]


@pytest.mark.parametrize('data', STATISTICS)
def test_what_is_padded_is_zero_after_normalisation(data):
    """A white image with four more pixels of zeros on every side, cut to 32 at any of 81 places."""
    init_default_scope('mmpretrain')
    mean, std = STATISTICS[data]
    run = Compose(Config.fromfile(CONFIGS / f'resnet110_{data}.py').train_dataloader.dataset.pipeline)
    np.random.seed(0)
    white, seen = (255 - torch.tensor(mean)) / torch.tensor(std), set()
    for _ in range(400):
        image = run(dict(img=np.full((32, 32, 3), 255, np.uint8), gt_label=0))['inputs']
        inside = image[0] != 0
        rows, columns = inside.any(1).sum().item(), inside.any(0).sum().item()
        assert inside.sum() == rows * columns
        assert (image[:, ~inside] == 0).all()
        torch.testing.assert_close(image[:, inside], white[:, None].expand(-1, rows * columns))
        seen.add((rows, columns))
    assert seen == {(rows, columns) for rows in range(28, 33) for columns in range(28, 33)}


@pytest.mark.parametrize('name', RECIPES)
def test_networks_are_those_of_the_table(name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    with torch.device('meta'):
        backbone = MODELS.build(cfg.model.backbone).train()
    classes = cfg.model.head.num_classes
    assert cfg.model.head.in_channels == backbone.out_channels[-1]
    parameters = sum(p.numel() for p in backbone.parameters()) + classes * (backbone.out_channels[-1] + 1)
    for network, millions in MILLIONS.items():
        if name.startswith(network):
            assert parameters / 1e6 == pytest.approx(millions, rel=0.025)
    assert {unit.drop_rate for unit in backbone.modules() if hasattr(unit, 'drop_rate')} <= {0}
    mixes = {(mix.forward_shake, mix.backward_shake, mix.per_image) for mix in backbone.modules() if is_mix(mix)}
    expected = {'shake_shake26': {('shake', 'shake', True)}, 'shake_even29': {('shake', 'even', True)}}
    assert mixes == expected.get(name.partition('_2x')[0], set())


def is_mix(module):
    return type(module).__name__ == 'ShakeMix'
