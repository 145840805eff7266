"""Inception-ResNet-v2 against timm, the paper's counts, and the options of the contract."""

import pytest
import torch

from senet_mm.models import InceptionResNetV2, SEInceptionResNetV2
from tests.models import contract

FC = 1536 * 1000
WIDTHS = [320] * 10 + [1088] * 20 + [2080] * 10


def parameters(backbone):
    return sum(parameter.numel() for parameter in backbone.parameters())


@pytest.mark.parametrize('size', [(139, 123), (160, 96)])
def test_timm_weights_give_timms_logits(size):
    import timm

    torch.manual_seed(0)
    theirs = timm.create_model('inception_resnet_v2', num_classes=10).eval()
    contract.randomise_statistics(theirs)
    ours = InceptionResNetV2().eval()
    weights = {key: value for key, value in theirs.state_dict().items() if not key.startswith('classif.')}
    ours.load_state_dict(weights)
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        expected = theirs(x)
        logits = theirs.classif(ours(x)[-1].mean((2, 3)))
        torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


def test_counts_at_299():
    plain, _ = contract.macs(InceptionResNetV2(), (299, 299))
    se, excitation = contract.macs(SEInceptionResNetV2(), (299, 299))
    # The paper prints 11.75 and 11.76 billion: see the class. What SE adds agrees.
    assert plain + FC == 13_155_794_016
    squares = sum(width**2 for width in WIDTHS)
    assert se - plain == excitation == sum(2 * width * (width // 16) for width in WIDTHS) == 2 * squares / 16
    assert excitation / 1e9 == pytest.approx(11.76 - 11.75, abs=0.005)
    assert parameters(InceptionResNetV2()) + FC + 1000 == 55_843_464
    assert parameters(InceptionResNetV2(se=dict(bias=False))) - parameters(InceptionResNetV2()) == 2 * squares / 16


def test_released_network_does_not_pad_where_the_aligned_one_does():
    x = torch.zeros(1, 3, 299, 299)
    for aligned, sides in ((False, [35, 17, 8]), (True, [38, 19, 10])):
        backbone = InceptionResNetV2(aligned, out_indices=(0, 1, 2)).eval()
        with torch.no_grad():
            maps = backbone(x)
        assert [m.shape[-1] for m in maps] == sides
        assert backbone.out_channels == (320, 1088, 1536)
        assert backbone.strides == (8, 16, 32)


@pytest.mark.parametrize('position', ['standard', 'pre', 'post', 'identity'])
@pytest.mark.parametrize(('part', 'scale'), [('repeat', 0.17), ('repeat_1', 0.1), ('repeat_2', 0.2), ('block8', 1.0)])
def test_se_sits_before_the_scale_and_the_sum(position, part, scale):
    torch.manual_seed(0)
    block = SEInceptionResNetV2(se=dict(position=position)).eval().get_submodule(part)
    block = block if part == 'block8' else block[0]
    x = torch.rand(2, block.conv2d.out_channels, 4, 5)

    def place(name, u):
        return u * block.se.excite(u) if name == position else u

    with torch.no_grad():
        u = place('pre', x)
        u = block.conv2d(torch.cat([getattr(block, f'branch{index}')(u) for index in range(block.branches)], 1))
        y = scale * place('standard', u) + place('identity', x)
        y = y if part == 'block8' else y.relu()
        torch.testing.assert_close(block(x), place('post', y), rtol=1e-4, atol=1e-5)


def test_se_is_on_every_residual_branch():
    blocks = contract.se_blocks(SEInceptionResNetV2())
    assert list(blocks.values()) == WIDTHS
    assert list(blocks)[::39] == ['repeat.0.se', 'block8.se']


def test_position_inside_the_branch_is_refused():
    with pytest.raises(ValueError, match="Block allows 'standard', 'pre', 'post', 'identity'"):
        InceptionResNetV2(se=dict(position='3x3'))


@pytest.mark.parametrize(('norm_cfg', 'eps'), [(None, 1e-3), (dict(type='SyncBN'), 1e-3), (dict(eps=1e-5), 1e-5)])
def test_epsilon_is_the_released_networks_unless_given(norm_cfg, eps):
    assert InceptionResNetV2(norm_cfg=norm_cfg).conv2d_1a.bn.eps == eps


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
def test_contract(check):
    check(lambda **options: SEInceptionResNetV2(align_feature_maps=True, **options), size=(64, 96))
