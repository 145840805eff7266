"""MobileNet-v1 against timm, the paper's counts, and the options of the contract."""

import pytest
import torch

from senet_mm.models import MobileNetV1, SEMobileNetV1
from tests.models import contract

FC = 1024 * 1000
# Channels of each block's output, and the side of its map at 224: Table 1 of the MobileNet paper.
BLOCKS = [(64, 112), *[(128, 56)] * 2, *[(256, 28)] * 2, *[(512, 14)] * 6, *[(1024, 7)] * 2]


def parameters(backbone):
    return sum(parameter.numel() for parameter in backbone.parameters())


def ours_from_timm(key):
    for theirs, ours in (
        ('conv_stem.', 'stem.conv.'),
        ('conv_dw.', 'depthwise_conv.conv.'),
        ('conv_pw.', 'pointwise_conv.conv.'),
        ('bn2.', 'pointwise_conv.bn.'),
    ):
        key = key.replace(theirs, ours)
    if not key.startswith('blocks.'):
        return key.replace('bn1.', 'stem.bn.')
    _, stage, rest = key.replace('bn1.', 'depthwise_conv.bn.').split('.', 2)
    return f'layer{int(stage) + 1}.{rest}'


@pytest.mark.parametrize('size', [(64, 96), (75, 65)])
def test_timm_weights_give_timms_logits(size):
    import timm

    torch.manual_seed(0)
    # timm's has ReLU6; the papers have ReLU.
    theirs = timm.create_model('mobilenetv1_100', act_layer=torch.nn.ReLU, num_classes=10).eval()
    contract.randomise_statistics(theirs)
    weights = {ours_from_timm(k): v for k, v in theirs.state_dict().items() if not k.startswith('classifier')}
    ours = MobileNetV1().eval()
    ours.load_state_dict(weights)
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        logits = theirs.classifier(ours(x)[-1].mean((2, 3)))
        torch.testing.assert_close(logits, theirs(x), rtol=1e-5, atol=1e-5 * theirs(x).abs().max().item())


def test_counts_of_table_3():
    plain, _ = contract.macs(MobileNetV1())
    se, excitation = contract.macs(SEMobileNetV1())
    assert plain + FC == 568_740_352
    assert plain + FC == pytest.approx(569e6, rel=5e-3)
    squares = sum(channels**2 for channels, _ in BLOCKS)
    assert se - plain == excitation == 2 * squares / 16
    squeeze = sum(channels * side**2 for channels, side in BLOCKS)  # the paper's figure has these additions
    assert se + FC + squeeze == pytest.approx(572e6, abs=0.5e6)
    assert parameters(MobileNetV1()) + FC + 1000 == 4_231_976  # 4.2 M
    assert parameters(MobileNetV1(se=dict(bias=False))) - parameters(MobileNetV1()) == 2 * squares / 16
    assert parameters(SEMobileNetV1()) + FC + 1000 == 4_718_044  # 4.7 M


def test_se_rescales_every_blocks_output():
    backbone = SEMobileNetV1()
    names = [f'layer{stage + 1}.{block}.se' for stage, count in enumerate((1, 2, 2, 6, 2)) for block in range(count)]
    assert list(contract.se_blocks(backbone)) == names
    assert list(contract.se_blocks(backbone).values()) == [channels for channels, _ in BLOCKS]
    block = backbone.layer2[0].eval()
    plain = torch.nn.Sequential(block.depthwise_conv, block.pointwise_conv)
    x = torch.rand(2, 64, 8, 8)
    with torch.no_grad():
        u = plain(x)
        assert u.min() == 0
        torch.testing.assert_close(block(x), u * block.se.excite(u))
        block.se.excite = lambda u: torch.full_like(u[:, :, :1, :1], 2)
        torch.testing.assert_close(block(x), 2 * u)


def test_width_multiplier():
    backbone = MobileNetV1(0.25, out_indices=range(5))
    assert backbone.out_channels == (16, 32, 64, 128, 256)
    assert backbone.strides == (2, 4, 8, 16, 32)
    # Table 7 of the MobileNet paper: 0.25 has 0.5 million parameters and 41 million multiply-adds.
    assert parameters(backbone) + 256 * 1000 + 1000 == pytest.approx(0.5e6, abs=0.05e6)
    assert contract.macs(backbone)[0] + 256_000 == pytest.approx(41e6, abs=0.5e6)
    with pytest.raises(ValueError, match=r'widen_factor=0: MobileNetV1 allows numbers from 1/32'):
        MobileNetV1(0)


@pytest.mark.parametrize('check', [*contract.CHECKS, contract.check_standard_position_only], ids=lambda c: c.__name__)
def test_contract(check):
    check(SEMobileNetV1, size=(64, 96))
