"""ShuffleNet-v1 against mmpretrain, the papers' counts, and the options of the contract."""

import pytest
import torch

from senet_mm.models import SEShuffleNetV1, ShuffleNetV1
from senet_mm.models.shufflenet_v1 import channel_shuffle
from tests.models import contract

FC = 960 * 1000
# Channels of each unit's branch at g = 3, 1×: the concatenating ones are what the pooled input leaves.
BRANCHES = [240 - 24, *[240] * 3, 480 - 240, *[480] * 7, 960 - 480, *[960] * 3]
SIDES = [28] * 4 + [14] * 8 + [7] * 4


def parameters(backbone):
    return sum(parameter.numel() for parameter in backbone.parameters())


@pytest.mark.parametrize(('groups', 'widen_factor'), [(1, 1.0), (2, 0.5), (3, 1.0), (3, 2.0), (4, 1.0), (8, 1.0)])
def test_mmpretrain_weights_give_mmpretrains_maps(groups, widen_factor):
    import mmpretrain.models

    torch.manual_seed(0)
    options = dict(groups=groups, widen_factor=widen_factor, out_indices=(0, 1, 2))
    theirs = mmpretrain.models.MODELS.build(dict(type='mmpretrain.ShuffleNetV1', **options))
    theirs.eval()  # which returns None there
    contract.randomise_statistics(theirs)
    ours = ShuffleNetV1(**options).eval()
    assert any(key.startswith('layers.0.') for key in theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 65, 97)
    with torch.no_grad():
        for our_map, their_map in zip(ours(x), theirs(x), strict=True):
            torch.testing.assert_close(our_map, their_map, rtol=1e-5, atol=1e-5 * their_map.abs().max().item())


def test_mmpretrain_checkpoint_of_a_classifier_loads():
    classifier = torch.nn.ModuleDict(dict(backbone=ShuffleNetV1()))
    weights = {
        key.replace('.layer1.', '.layers.0.').replace('.layer2.', '.layers.1.').replace('.layer3.', '.layers.2.'): value
        for key, value in torch.nn.ModuleDict(dict(backbone=ShuffleNetV1())).state_dict().items()
    }
    classifier.load_state_dict(weights)
    assert torch.equal(
        classifier.backbone.layer3[3].g_conv_1x1_expand.conv.weight,
        weights['backbone.layers.2.3.g_conv_1x1_expand.conv.weight'],
    )


def test_channel_shuffle_by_hand():
    x = torch.arange(12.0).reshape(2, 6, 1, 1)
    assert channel_shuffle(x, 3)[0].flatten().tolist() == [0, 2, 4, 1, 3, 5]
    assert channel_shuffle(x, 2)[1].flatten().tolist() == [6, 9, 7, 10, 8, 11]
    assert torch.equal(channel_shuffle(channel_shuffle(x, 3), 2), x)


# Table 1 of the ShuffleNet paper, in millions; without the classifier.
@pytest.mark.parametrize(('groups', 'millions'), [(1, 143), (2, 140), (3, 137), (4, 133), (8, 137)])
def test_multiply_adds_of_the_shufflenet_paper(groups, millions):
    assert contract.macs(ShuffleNetV1(groups))[0] / 1e6 == pytest.approx(millions, abs=0.75)


def test_counts_of_table_3():
    plain, _ = contract.macs(ShuffleNetV1())
    se, excitation = contract.macs(SEShuffleNetV1())
    assert plain + FC == 137_460_672
    added = sum(2 * channels * (channels // 16) for channels in BRANCHES)
    assert se - plain == excitation == added
    # Table 3: 140, nominal for every 1× network, and 142. With the squeeze's additions SE adds what it says.
    squeeze = sum(channels * side**2 for channels, side in zip(BRANCHES, SIDES, strict=True))
    assert 140e6 + excitation + squeeze == pytest.approx(142e6, abs=0.5e6)
    assert parameters(ShuffleNetV1()) + FC + 1000 == 1_865_728  # 1.8 M, cut
    assert parameters(ShuffleNetV1(se=dict(bias=False))) - parameters(ShuffleNetV1()) == added
    assert parameters(SEShuffleNetV1()) + FC + 1000 == 2_484_533  # 2.4 M, cut


def test_se_rescales_every_branch():
    backbone = SEShuffleNetV1()
    assert list(contract.se_blocks(backbone).values()) == BRANCHES


@pytest.mark.parametrize('position', ['standard', 'pre', 'post', 'identity'])
@pytest.mark.parametrize('index', [0, 1])
def test_se_sits_where_it_is_told(position, index):
    torch.manual_seed(0)
    backbone = SEShuffleNetV1(se=dict(position=position)).eval()
    contract.randomise_statistics(backbone)
    unit = backbone.layer2[index]
    x = torch.rand(2, 240 if index == 0 else 480, 8, 8)

    def place(name, u):
        return u * unit.se.excite(u) if name == position else u

    with torch.no_grad():
        branch = place('standard', unit.branch(place('pre', x)))
        if index == 0:
            pooled = torch.nn.functional.avg_pool2d(x, 3, 2, 1)
            y = torch.cat((place('identity', pooled), branch), 1)
        else:
            y = place('identity', x) + branch
        torch.testing.assert_close(unit(x), place('post', y.relu()))


def test_position_inside_the_branch_is_refused():
    with pytest.raises(ValueError, match="ShuffleUnit allows 'standard', 'pre', 'post', 'identity'"):
        ShuffleNetV1(se=dict(position='3x3'))


@pytest.mark.parametrize('groups', [1, 2, 3, 4, 8])
@pytest.mark.parametrize('widen_factor', [0.25, 0.5, 1.5])
def test_every_width_divides_into_its_groups(groups, widen_factor):
    backbone = SEShuffleNetV1(groups, widen_factor).eval()
    assert backbone(torch.randn(1, 3, 32, 32))[0].shape[1] == backbone.out_channels[0]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(groups=5), 'groups=5: ShuffleNetV1 allows 1, 2, 3, 4, 8'),
        (dict(widen_factor=0), 'widen_factor=0: ShuffleNetV1 allows numbers above 0'),
    ],
)
def test_wrong_arguments_say_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        ShuffleNetV1(**options)


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
def test_contract(check):
    check(SEShuffleNetV1, size=(64, 96))
