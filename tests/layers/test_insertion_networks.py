"""insert_se in torchvision's and timm's networks, against ours, timm's SE network, and blocks written out by hand."""

import copy

import pytest
import timm
import torch
import torchvision
from torch import nn

from senet_mm.layers import insert_se
from senet_mm.models import SEResNet
from tests.layers.test_insertion import Small, gate_by_hand
from tests.models.contract import randomise_statistics


def assert_same_network(theirs, ours, rename, size=32):
    """Equal maps and gradients in float64, with the parameters of `theirs`; their last is a classifier's."""
    torch.manual_seed(0)
    randomise_statistics(theirs)
    ours.load_state_dict({rename(name): value for name, value in theirs.state_dict().items()}, strict=True)
    x = torch.randn(2, 3, size, size, dtype=torch.float64)
    theirs.double().eval(), ours.double().eval()
    outputs = theirs(x), ours(x)
    torch.testing.assert_close(*outputs, rtol=1e-9, atol=1e-9)
    for network, output in zip((theirs, ours), outputs, strict=True):
        network.zero_grad()
        output.square().mean().backward()
    gradients = {rename(name): parameter.grad for name, parameter in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-6, atol=1e-12)


class Classifier(nn.Module):
    """A backbone of ours below torchvision's or timm's pooling and `fc`."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone, self.fc = backbone, nn.Linear(2048, 1000)

    def forward(self, x):
        return self.fc(self.backbone(x)[-1].mean((2, 3)))


def to_ours(module):
    """`layer1.0.<module>.se.fc1` → `layer1.0.se.fc1`, and the backbone's prefix."""

    def rename(name):
        return name if name.startswith('fc.') else 'backbone.' + name.replace(f'.{module}.se.', '.se.')

    return rename


@pytest.mark.parametrize(
    ('build', 'module', 'position'),
    [
        (torchvision.models.resnet50, 'bn3', 'standard'),
        (lambda: timm.create_model('resnet50'), 'bn3', 'standard'),
        (lambda: timm.create_model('resnet50'), 'act2', '3x3'),
    ],
    ids=['torchvision', 'timm', 'timm, 3x3'],
)
def test_in_resnet50_it_is_our_se_resnet50(build, module, position):
    theirs = insert_se(build(), f'layer*.*.{module}', ratio=16)
    ours = Classifier(SEResNet(50, style='pytorch', se=dict(ratio=16, position=position)))
    assert_same_network(theirs, ours, to_ours(module))


def test_in_timms_resnet50_it_is_timms_seresnet50():
    ours = insert_se(timm.create_model('resnet50'), 'layer*.*.bn3')
    theirs = timm.create_model('seresnet50')
    assert_same_network(theirs, ours, lambda name: name.replace('.se.', '.bn3.se.'))


def test_timms_convnext_by_hand():
    torch.manual_seed(0)
    model = insert_se(timm.create_model('convnext_atto'), 'stages.*.blocks.*.drop_path').eval()
    assert len(model.se_places) == 12
    block = model.stages[1].blocks[1]
    nn.init.normal_(block.gamma)
    x = torch.randn(2, 80, 7, 6)
    with torch.no_grad():
        branch = block.norm(block.conv_dw(x).permute(0, 2, 3, 1) if not block.use_conv_mlp else block.conv_dw(x))
        branch = block.mlp(branch)
        branch = (branch if block.use_conv_mlp else branch.permute(0, 3, 1, 2)) * block.gamma[:, None, None]
        torch.testing.assert_close(block(x), x + branch * gate_by_hand(branch, block.drop_path.se))


def test_channels_last_maps_of_timms_swin():
    torch.manual_seed(0)
    plain = timm.create_model('swin_tiny_patch4_window7_224', depths=(1, 1, 1, 1)).eval()
    where = 'layers.*.blocks.*'
    with pytest.raises(ValueError, match=r'returns \(1, 56, 56, 96\), which looks like \(N,H,W,C\): add channels_last'):
        insert_se(plain, where)
    model = insert_se(copy.deepcopy(plain), where, channels_last=True)
    x, block = torch.randn(2, 56, 56, 96), model.layers[0].blocks[0]
    with torch.no_grad():
        u = plain.layers[0].blocks[0](x).permute(0, 3, 1, 2)
        torch.testing.assert_close(block(x), (u * gate_by_hand(u, block.se)).permute(0, 2, 3, 1))
    with pytest.raises(ValueError, match=r'which looks like \(N,C,H,W\): leave channels_last out'):
        insert_se(Small(), 'bn1', channels_last=True)
