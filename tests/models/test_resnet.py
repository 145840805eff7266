"""ResNet and ResNeXt against torchvision and mmpretrain, the paper's counts, and the options of the contract."""

import copy

import pytest
import torch
import torchvision

from senet_mm.analysis.complexity import count
from senet_mm.models import ResNet, ResNeXt, SEResNet, SEResNeXt
from senet_mm.registry import MODELS
from tests.models import contract

CLASSIFIER = 2048 * 1000 + 1000
SENET = dict(
    groups=64, deep_stem=True, stem_channels=128, ceil_pool=True, halve_first=True, projection_kernel=3
)  # SENet-154's options


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    ('network', 'options'), [(SEResNet, {}), (SEResNeXt, SENET)], ids=['SE-ResNet-50', 'SENet-154 at depth 50']
)
def test_contract(check, network, options):
    check(lambda **contracts: network(50, **options, **contracts), size=(64, 96))


def parameters(backbone):
    return sum(parameter.numel() for parameter in backbone.parameters())


@pytest.mark.parametrize(
    ('name', 'backbone', 'options'),
    [
        *[(f'resnet{depth}', ResNet, dict(depth=depth)) for depth in (18, 34, 50, 101, 152)],
        ('resnext50_32x4d', ResNeXt, dict(depth=50)),
        ('resnext101_32x8d', ResNeXt, dict(depth=101, base_width=8)),
        ('resnext101_64x4d', ResNeXt, dict(depth=101, groups=64)),
    ],
)
def test_torchvision_weights_give_torchvisions_logits(name, backbone, options):
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(name).eval()
    ours = backbone(**options).eval()
    weights = {key: value for key, value in theirs.state_dict().items() if not key.startswith('fc.')}
    ours.load_state_dict(weights)
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        logits = theirs.fc(theirs.avgpool(ours(x)[-1]).flatten(1))
        assert torch.equal(logits, theirs(x))


@pytest.mark.parametrize(('depth', 'name'), [(50, 'SEResNet'), (50, 'SEResNeXt')])
def test_mmpretrain_weights_give_mmpretrains_maps(depth, name):
    from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS

    torch.manual_seed(0)
    theirs = MMPRETRAIN_MODELS.build(dict(type=f'mmpretrain.{name}', depth=depth, out_indices=(0, 3)))
    theirs.eval()  # which returns nothing there
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    ours = MODELS.build(dict(type=f'senet_mm.{name}', depth=depth, out_indices=(0, 3))).eval()
    assert any('se_layer' in key for key in theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        for our_map, their_map in zip(ours(x), theirs(x), strict=True):
            torch.testing.assert_close(our_map, their_map, rtol=1e-5, atol=1e-5)


def test_parameters_of_the_papers_networks():
    assert parameters(ResNet(50, style='caffe')) + CLASSIFIER == 25_557_032
    assert parameters(SEResNet(50, style='caffe')) + CLASSIFIER == 28_088_024


@pytest.mark.parametrize(
    ('se', 'millions'),
    [  # Tables 10, 13, 15 and 16, in millions; FC layers without biases
        (dict(ratio=2), 45.7),
        (dict(ratio=4), 35.7),
        (dict(ratio=8), 30.7),
        (dict(ratio=16), 28.1),
        (dict(ratio=32), 26.9),
        (dict(stages=[2]), 25.6),
        (dict(stages=[3]), 25.7),
        (dict(stages=[4]), 26.4),
        (dict(position='3x3'), 25.8),
        (dict(squeeze='none'), 28.1),
    ],
)
def test_parameters_of_the_papers_ablations(se, millions):
    assert (parameters(ResNet(50, se=dict(bias=False, **se))) + CLASSIFIER) / 1e6 == pytest.approx(millions, rel=0.005)


@pytest.mark.parametrize(
    ('se', 'giga'),
    [  # Tables 13, 15 and 16
        (None, 3.86),
        (dict(stages=[2]), 3.86),
        (dict(stages=[3]), 3.86),
        (dict(stages=[4]), 3.86),
        (dict(), 3.87),
        (dict(position='3x3'), 3.86),
        (dict(squeeze='none'), 4.27),
    ],
)
def test_operations_of_the_papers_ablations(se, giga):
    backbone = ResNet(50, style='caffe', se=se if se is None else dict(bias=False, **se)).to('meta')
    counts = count(backbone, lambda: backbone(torch.empty(1, 3, 224, 224, device='meta')))
    assert (counts.macs + 2048 * 1000) / 1e9 == pytest.approx(giga, rel=0.005)


@pytest.mark.parametrize('depth', [50, 101, 152])
@pytest.mark.parametrize('ratio', [4, 16])
def test_added_parameters_are_equation_5(depth, ratio):
    blocks = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}[depth]
    expected = 2 / ratio * sum(count * (256 * 2**stage) ** 2 for stage, count in enumerate(blocks))
    added = parameters(ResNet(depth, se=dict(ratio=ratio, bias=False))) - parameters(ResNet(depth))
    assert added == expected


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('position', ['standard', 'pre', 'post', 'identity', '3x3'])
def test_se_sits_where_it_is_told(depth, position):
    if depth == 18 and position == '3x3':
        with pytest.raises(ValueError, match="BasicBlock allows 'standard', 'pre', 'post', 'identity'"):
            ResNet(depth, se=dict(position=position))
        return
    backbone = ResNet(depth, se=dict(position=position))
    bottleneck = depth == 50
    expected = {'pre': 256 if bottleneck else 64, '3x3': 128}.get(position, 512 if bottleneck else 128)
    assert backbone.layer2[0].se.fc2.out_channels == expected
    backbone(torch.randn(1, 3, 64, 64))[-1].sum().backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())


def test_se_names_are_the_only_new_ones():
    plain, se = set(ResNet(50).state_dict()), set(SEResNet(50).state_dict())
    assert plain < se
    assert all('.se.fc' in name for name in se - plain)


def test_se_names_default_to_ratio_16_and_take_any_other():
    assert SEResNet(50).layer1[0].se.fc1.out_channels == 16
    assert SEResNeXt(50, se=dict(ratio=8)).layer1[0].se.fc1.out_channels == 32
    assert parameters(SEResNet(50, se=None)) == parameters(ResNet(50))
    assert isinstance(MODELS.build(dict(type='senet_mm.SEResNeXt', depth=50)), ResNeXt)


def test_style_moves_the_stride():
    strides = {style: ResNet(50, style=style).layer2[0] for style in ('caffe', 'pytorch')}
    assert (strides['caffe'].conv1.stride, strides['caffe'].conv2.stride) == ((2, 2), (1, 1))
    assert (strides['pytorch'].conv1.stride, strides['pytorch'].conv2.stride) == ((1, 1), (2, 2))


def test_deep_stem_and_average_pooled_shortcut_are_mmdets():
    import mmdet.models

    torch.manual_seed(0)
    theirs = mmdet.models.backbones.ResNetV1d(depth=50, out_indices=(3,))
    theirs.eval()  # which returns nothing there
    ours = ResNet(50, deep_stem=True, avg_down=True).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize('name', ['BN', 'SyncBN', 'GN'])
def test_normalisations(name):
    cfg = dict(type='GN', num_groups=32) if name == 'GN' else dict(type=name)
    backbone = SEResNet(50, norm_cfg=cfg).eval()
    assert ('layer1.0.gn1.weight' if name == 'GN' else 'layer1.0.bn1.weight') in backbone.state_dict()
    assert torch.isfinite(backbone(torch.randn(1, 3, 64, 64))[-1]).all()


def test_checkpointing_changes_nothing_but_memory():
    torch.manual_seed(0)
    plain = SEResNet(50, norm_eval=True).double()
    recomputed = SEResNet(50, norm_eval=True, with_cp=True).double()
    recomputed.load_state_dict(plain.state_dict())
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    for backbone in (plain, recomputed):
        backbone.train()(x)[-1].square().mean().backward()
    for ours, theirs in zip(plain.parameters(), recomputed.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-12)


def test_zero_init_residual_starts_every_branch_at_zero():
    backbone = ResNet(50, zero_init_residual=True)
    backbone.init_weights()
    assert not any(block.bn3.weight.any() for block in backbone.layer3)
    assert backbone.layer3[0].bn2.weight.all()


def test_he_initialisation():
    backbone = ResNet(18)
    backbone.init_weights()
    assert backbone.layer4[1].conv2.weight.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(depth=51), r'depth=51: ResNet has depths 18, 26, 34, 50, 101, 152'),
        (dict(depth=50, style='tensorflow'), r"style='tensorflow' is not one of 'pytorch', 'caffe'"),
        (dict(depth=50, num_stages=5), r'num_stages=5: ResNet has 1 to 4'),
        (dict(depth=50, out_indices=(4,)), r'out_indices=\(4,\): ResNet allows ascending indices from 0 to 3'),
        (dict(depth=50, frozen_stages=5), r'frozen_stages=5: ResNet allows -1 to 4'),
        (dict(depth=18, groups=32), r'groups=32, base_width=64: networks of basic blocks'),
        (dict(depth=50, se=dict(stages=[1, 6])), r'stages=\[1, 6\]: ResNet has stages \[2, 3, 4, 5\]'),
    ],
)
def test_wrong_arguments_say_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        ResNet(**options)


def test_survives_amp_channels_last_and_deepcopy():
    torch.manual_seed(0)
    backbone = SEResNet(50).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        reference = backbone(x)[-1]
        channels_last = copy.deepcopy(backbone).to(memory_format=torch.channels_last)
        torch.testing.assert_close(
            channels_last(x.to(memory_format=torch.channels_last))[-1], reference, rtol=1e-3, atol=1e-4
        )
        with torch.autocast('cpu', torch.bfloat16):
            half = backbone(x)[-1]
    assert half.dtype == torch.bfloat16
    assert (half.float() - reference).norm() / reference.norm() < 0.05
