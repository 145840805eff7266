"""Names of SE blocks, and gates that something else decides."""

import re
from collections import Counter

import pytest
import torch
import torchvision
from torch import nn

from senet_mm import build_backbone, insert_se
from senet_mm.analysis.excitation.blocks import excite_replaced, name_blocks, own_gates
from senet_mm.layers import SEBlock
from senet_mm.layers.se import POSITIONS
from senet_mm.models.build import NETWORKS
from senet_mm.registry import MODELS


def build(name, **options):
    with torch.device('meta'):
        return build_backbone(name, **options)


def test_the_names_are_those_of_the_paper():
    network = nn.ModuleDict(dict(backbone=build('se_resnet50'), head=nn.Linear(1, 1)))
    blocks = name_blocks(network)
    expected = [f'SE_{stage}_{number}' for stage, count in zip((2, 3, 4, 5), (3, 4, 6, 3), strict=True)
                for number in range(1, count + 1)]  # fmt: skip
    assert list(blocks) == expected
    assert blocks['SE_2_3'] == ('backbone.layer1.2.se', network['backbone'].layer1[2].se)
    assert blocks['SE_4_6'][0] == 'backbone.layer3.5.se'


@pytest.mark.parametrize('name', sorted(name for name in NETWORKS if NETWORKS[name].get('se')))
def test_every_block_of_every_network_has_a_name_in_order(name):
    network = build(name)
    names = list(name_blocks(network))
    assert len(names) == sum(isinstance(module, SEBlock) for module in network.modules())
    numbers = [tuple(map(int, re.fullmatch(r'SE_(\d+)_(\d+)', title).groups())) for title in names]
    assert numbers == sorted(set(numbers))
    for stage in {stage for stage, _ in numbers}:
        counted = [number for other, number in numbers if other == stage]
        assert counted == list(range(1, len(counted) + 1))


@pytest.mark.parametrize('name', sorted(name for name in NETWORKS if NETWORKS[name].get('se')))
def test_every_block_of_every_network_is_asked_once_for_each_image(name):
    network, asked = build(name).eval(), Counter()
    titles = {block: title for title, (_, block) in name_blocks(network).items()}

    def excite(block, u):
        gates = own_gates(block, u)
        assert gates.shape == (2, u.shape[1], 1, 1)
        asked[titles[block]] += 1
        return gates

    with torch.no_grad(), torch.device('meta'), excite_replaced(titles, excite):
        network(torch.empty(2, 3, 160, 160))
    assert asked == dict.fromkeys(titles.values(), 1)


def test_stages_without_se_have_no_names():
    assert list(name_blocks(build('se_resnet50', se=dict(stages=[3])))) == [f'SE_3_{n}' for n in (1, 2, 3, 4)]


@pytest.mark.parametrize('make', [torchvision.models.resnet18, lambda: MODELS.build(dict(type='ResNet', depth=18))])
def test_inserted_blocks_are_called_by_their_path(make):
    network = insert_se(make(), 'layer*.1.bn2')
    assert list(name_blocks(network)) == [f'layer{number}.1.bn2.se' for number in (1, 2, 3, 4)]


def test_two_backbones_do_not_share_names():
    blocks = name_blocks(nn.ModuleList([build('se_resnet50'), build('se_resnet50')]))
    assert len(blocks) == 32
    assert list(blocks)[16] == '1.layer1.0.se'


def test_a_network_without_se_has_no_blocks():
    assert name_blocks(build('resnet50')) == {}


@pytest.mark.parametrize('position', POSITIONS)
def test_gates_of_one_make_the_plain_network(position):
    """In every position, through the fused joins: with the same weights."""
    torch.manual_seed(0)
    options = dict(type='senet_mm.ResNet', depth=50, num_stages=2, out_indices=(1,))
    network = MODELS.build(dict(options, se=dict(position=position))).double().eval()
    plain = MODELS.build(options).double().eval()
    plain.load_state_dict({key: value for key, value in network.state_dict().items() if '.se.' not in key})
    image = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    blocks = [block for _, block in name_blocks(network).values()]
    with torch.no_grad():
        before = network(image)[0]
        with excite_replaced(blocks, lambda _, u: torch.ones_like(u)):
            torch.testing.assert_close(network(image)[0], plain(image)[0])
        assert not torch.allclose(before, plain(image)[0])
        assert torch.equal(network(image)[0], before)


def test_blocks_are_themselves_again_after_an_error():
    block, u = SEBlock(4, ratio=2), torch.randn(2, 4, 3, 3)
    expected = block(u)
    with excite_replaced([block], lambda *_: u * 0):
        assert not block(u).any()
    with pytest.raises(ZeroDivisionError), excite_replaced([block], lambda *_: 1 / 0):
        block(u)
    assert torch.equal(block(u), expected)
    with excite_replaced([block], own_gates):
        assert torch.equal(block(u), expected)
