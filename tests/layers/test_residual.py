"""Where SE sits in a residual unit: against the five formulas written out in NumPy."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from senet_mm.layers import ResidualUnit, SESpec
from tests.layers.test_se import numpy_se


class Unit(ResidualUnit):
    """F is a 1×1 convolution, the '3×3' another one; the shortcut changes the number of channels."""

    def __init__(self, spec):
        super().__init__()
        self.a, self.b, self.shortcut = (nn.Conv2d(i, o, 1, bias=False) for i, o in ((4, 6), (6, 8), (4, 8)))
        self.place_se(spec, {'standard': 8, 'pre': 4, 'post': 8, 'identity': 8, '3x3': 6})

    def forward(self, x):
        return self.join(self.b(self.inside(self.a(self.before(x)))), self.shortcut(x))


def conv(x, layer):
    return np.einsum('oi,nihw->nohw', layer.weight.detach().numpy()[:, :, 0, 0], x)


def numpy_unit(x, unit, spec):
    def se(u):
        return numpy_se(u, unit.se, spec.squeeze, spec.gate)

    where = spec.position
    inner = conv(se(x) if where == 'pre' else x, unit.a)
    branch = conv(se(inner) if where == '3x3' else inner, unit.b)
    shortcut = conv(x, unit.shortcut)
    branch = se(branch) if where == 'standard' else branch
    shortcut = se(shortcut) if where == 'identity' else shortcut
    out = np.maximum(branch + shortcut, 0)
    return se(out) if where == 'post' else out


COMBINATIONS = list(
    itertools.product(
        ('standard', 'pre', 'post', 'identity', '3x3'),
        ('avg', 'max', 'none'),
        ('sigmoid', 'tanh', 'relu'),
        (True, False),
    )
)


def make(position, squeeze, gate, bias):
    torch.manual_seed(1)
    spec = SESpec(ratio=2, squeeze=squeeze, gate=gate, bias=bias, position=position)
    unit = Unit(spec).double()
    for parameter in unit.parameters():
        nn.init.normal_(parameter)
    return unit, spec


@pytest.mark.parametrize('options', COMBINATIONS, ids=lambda options: '-'.join(map(str, options)))
def test_forward_and_gradient(options):
    unit, spec = make(*options)
    x = torch.randn(2, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    np.testing.assert_allclose(
        unit(x).detach().numpy(), numpy_unit(x.detach().numpy(), unit, spec), rtol=1e-10, atol=1e-12
    )
    assert torch.autograd.gradcheck(lambda x, *_: unit(x), (x, *unit.parameters()))


def test_without_se_is_the_plain_unit():
    torch.manual_seed(0)
    unit = Unit(None)
    x = torch.randn(2, 4, 2, 3)
    assert torch.equal(unit(x), torch.relu(unit.b(unit.a(x)) + unit.shortcut(x)))
    assert not any('se' in name.split('.') for name in unit.state_dict())


def test_join_without_activation():
    unit, _ = make('standard', 'avg', 'sigmoid', True)
    branch, shortcut = torch.randn(2, 2, 8, 3, 3, dtype=torch.float64).unbind()
    torch.testing.assert_close(unit.join(branch, shortcut, activate=False), unit.se(branch) + shortcut)


@pytest.mark.parametrize('position', [None, 'standard', 'pre', 'post', 'identity', '3x3'])
def test_join_scales_the_branch(position):
    unit = make(position, 'avg', 'sigmoid', True)[0] if position else Unit(None)
    branch, shortcut = torch.randn(2, 2, 8, 3, 3, dtype=torch.float64).unbind()
    torch.testing.assert_close(unit.join(branch, shortcut, scale=0.0), unit.join(0 * branch, shortcut))
    if position == 'standard':
        expected = torch.relu(shortcut + 0.17 * unit.se(branch))
    else:
        expected = unit.join(0.17 * branch, shortcut)
    torch.testing.assert_close(unit.join(branch, shortcut, scale=0.17), expected)


def test_a_position_the_unit_does_not_offer_is_refused():
    with pytest.raises(ValueError, match=r"position='3x3': ResidualUnit allows 'standard', 'post'"):
        ResidualUnit().place_se(SESpec(position='3x3'), dict(standard=4, post=4))
