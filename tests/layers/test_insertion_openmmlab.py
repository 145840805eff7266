"""WithSE in mmpretrain's networks, against mmpretrain's SE networks and blocks written out by hand; its configs."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import DefaultScope
from torch import nn

from senet_mm.compat.mmpretrain_import import import_without_mmdet
from senet_mm.layers import SEBlock
from senet_mm.registry import MODELS
from tests.layers.test_insertion import gate_by_hand
from tests.models.contract import randomise_statistics

import_without_mmdet()
RESNET = dict(type='mmpretrain.ResNet', depth=50, out_indices=(0, 1, 2, 3))
REGNET = dict(type='mmpretrain.RegNet', arch='regnetx_400mf')


def with_se(model, where='layer*.*.bn3', **options):
    return MODELS.build(dict(type='senet_mm.WithSE', model=model, where=where, **options))


@pytest.mark.parametrize('with_cp', [False, True])
def test_mmpretrains_resnet_becomes_its_seresnet(with_cp):
    torch.manual_seed(0)
    theirs = MODELS.build(dict(RESNET, type='mmpretrain.SEResNet'))
    ours = with_se(dict(RESNET, with_cp=with_cp), se=dict(ratio=16))
    assert type(ours).__name__ == 'ResNet'
    randomise_statistics(theirs)

    def rename(name):
        return name.replace('.se_layer.conv1.conv.', '.bn3.se.fc1.').replace('.se_layer.conv2.conv.', '.bn3.se.fc2.')

    ours.load_state_dict({rename(name): value for name, value in theirs.state_dict().items()})
    for network in (theirs, ours):
        network.double().eval()
    x = torch.randn(1, 3, 32, 32, dtype=torch.float64, requires_grad=True)
    for their_map, our_map in zip(theirs(x), ours(x), strict=True):
        torch.testing.assert_close(our_map, their_map, rtol=1e-9, atol=1e-9)
    for network in (theirs, ours):
        network(x)[-1].square().mean().backward()
    gradients = {rename(name): parameter.grad for name, parameter in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-6, atol=1e-12)


def test_without_se_it_is_the_model():
    torch.manual_seed(0)
    theirs = MODELS.build(REGNET)
    ours = with_se(REGNET)
    assert type(ours) is type(theirs)
    ours.load_state_dict(theirs.state_dict())
    with pytest.raises(ValueError, match=r"RegNet has no module 'layer\*\.\*\.bn4'; nearest: layer\*\.\*\.bn"):
        with_se(REGNET, where='layer*.*.bn4')


def test_frozen_stages_freeze_their_blocks():
    backbone = with_se(dict(REGNET, frozen_stages=1), se=dict(ratio=16))
    for name, parameter in backbone.named_parameters():
        assert parameter.requires_grad == (not name.startswith(('conv1.', 'bn1.', 'layer1.'))), name
    assert backbone.training
    assert not backbone.layer1[0].bn3.se.training


@pytest.mark.parametrize('where_it_says', ['model', 'backbone'])
def test_the_models_own_checkpoint_loads(tmp_path, where_it_says):
    torch.manual_seed(0)
    plain = MODELS.build(REGNET)
    torch.save(
        {'state_dict': {f'backbone.{name}': value for name, value in plain.state_dict().items()}}, tmp_path / 'x'
    )
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'x'), prefix='backbone.')
    if where_it_says == 'model':
        backbone = with_se(dict(REGNET, init_cfg=init_cfg), se=dict(ratio=16))
    else:
        backbone = with_se(REGNET, se=dict(ratio=16), init_cfg=init_cfg)
    backbone.init_weights()
    state = backbone.state_dict()
    assert all(torch.equal(state.pop(name), value) for name, value in plain.state_dict().items())
    assert state.keys() == {name for name in backbone.state_dict() if '.bn3.se.fc' in name}
    assert state['layer4.0.bn3.se.fc1.weight'].std().item() == pytest.approx((2 / 384) ** 0.5, rel=0.1)
    assert not state['layer4.0.bn3.se.fc1.bias'].any()


def classifier(stem, **options):
    """The classifier of a config."""
    cfg = Config.fromfile(f'configs/{stem}.py')
    cfg.merge_from_dict(options)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MMENGINE_MODELS.build(cfg.model)


def regnet_by_hand(network, x):
    """RegNetX with SE on the residual branches, from its layers."""
    x = torch.relu(network.bn1(network.conv1(x)))
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        for unit in stage:
            branch = torch.relu(unit.bn1(unit.conv1(x)))
            branch = torch.relu(unit.bn2(unit.conv2(branch)))
            branch = normalised(unit.bn3, unit.conv3(branch))
            branch = branch * gate_by_hand(branch, unit.bn3.se)
            x = torch.relu(branch + (x if unit.downsample is None else unit.downsample(x)))
    return x.mean((2, 3))


def convnext_by_hand(network, x):
    """ConvNeXt with SE on the residual branches, from its layers."""
    for downsample, stage in zip(network.downsample_layers, network.stages, strict=True):
        x = downsample(x)
        for unit in stage:
            branch = unit.norm(unit.depthwise_conv(x).permute(0, 2, 3, 1), data_format='channel_last')
            branch = unit.pointwise_conv2(unit.act(unit.pointwise_conv1(branch))) * unit.gamma
            branch = branch.permute(0, 3, 1, 2)
            x = x + branch * gate_by_hand(branch, unit.drop_path.se)
    return network.norm3(x.mean((2, 3), keepdim=True)).flatten(1)


def normalised(norm, x):
    return nn.functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)


@pytest.mark.parametrize(
    ('stem', 'by_hand', 'blocks'), [('regnetx_400mf', regnet_by_hand, 22), ('convnext_tiny', convnext_by_hand, 18)]
)
def test_the_configs_networks_by_hand(stem, by_hand, blocks):
    torch.manual_seed(0)
    network = classifier(f'se_{stem}_imagenet')
    randomise_statistics(network)
    for name, parameter in network.named_parameters():
        if name.endswith(('.gamma', '.se.fc2.weight')):
            nn.init.normal_(parameter, std=0.3)
    network.eval()
    assert sum(isinstance(module, SEBlock) for module in network.modules()) == blocks
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = network.head.fc(by_hand(network.backbone, x))
        torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('stem', ['regnetx_400mf', 'convnext_tiny'])
def test_one_option_adds_se_to_the_plain_config(stem):
    with torch.device('meta'):
        plain, se = (classifier(f'{prefix}{stem}_imagenet') for prefix in ('', 'se_'))
        option = classifier(f'{stem}_imagenet', **{'model.backbone.se.ratio': 16})
    shapes = [{name: value.shape for name, value in network.state_dict().items()} for network in (plain, se, option)]
    assert shapes[1] == shapes[2]
    assert shapes[0].items() < shapes[1].items()
    assert all('.se.fc' in name for name in shapes[1].keys() - shapes[0].keys())


@pytest.mark.parametrize(
    ('ours', 'theirs'),
    [
        ('regnetx_400mf_imagenet', 'regnet/regnetx-400mf_8xb128_in1k'),
        ('convnext_tiny_imagenet', 'convnext/convnext-tiny_32xb128_in1k'),
    ],
)
def test_recipes_are_mmpretrains(ours, theirs):
    import mmpretrain

    folder = f'{mmpretrain.__path__[0]}/.mim/configs'
    configs = [unscoped(Config.fromfile(path).to_dict()) for path in (f'configs/{ours}.py', f'{folder}/{theirs}.py')]
    for config in configs:
        config['optim_wrapper'].pop('clip_grad', None)  # theirs says None
    for part in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'auto_scale_lr'):
        assert configs[0][part] == configs[1][part]
    assert configs[0]['train_dataloader']['batch_size'] == configs[1]['train_dataloader']['batch_size'] == 128
    if 'convnext' in ours:  # our RegNet has the paper's augmentation, without the PCA noise
        for loader in ('train_dataloader', 'test_dataloader'):
            assert configs[0][loader]['dataset'] == configs[1][loader]['dataset']
        for option in ('label_smooth_val', 'mode', 'type'):
            assert configs[0]['model']['head']['loss'][option] == configs[1]['model']['head']['loss'][option]
        assert configs[0]['model']['train_cfg'] == configs[1]['model']['train_cfg']


def unscoped(value):
    """Without the scopes: inheritance leaves some, and our types of the same name do the same (tests/data)."""
    if isinstance(value, dict):
        return {key: unscoped(inner) for key, inner in value.items() if key != '_scope_'}
    if isinstance(value, str):
        return value.removeprefix('senet_mm.')
    return [unscoped(inner) for inner in value] if isinstance(value, (list, tuple)) else value
