"""Networks of other people's with weights as after training, and ours on what is converted from them."""

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from senet_mm.registry import MODELS
from senet_mm.weights.convert import convert, write


def trained(network):
    """`network` for evaluation, its normalisations far from the identity and its maps still of order one."""
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.weight.data.uniform_(0.5, 1)
            module.bias.data.normal_(0, 0.1)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return network.eval()


def logits(path, x):
    """Logits of the network that a converted file names, with the weights in it. Nothing of `convert` is used."""
    checkpoint = torch.load(path, weights_only=True)
    state = checkpoint['state_dict']
    backbone = MODELS.build(checkpoint['meta']['provenance']['backbone']).eval()
    backbone.load_state_dict({key[9:]: value for key, value in state.items() if key.startswith('backbone.')})
    maps = backbone(x)[-1]
    if 'head.fc.weight' in state:
        return torch.nn.functional.linear(maps.mean((2, 3)), state['head.fc.weight'], state['head.fc.bias'])
    features = torch.nn.functional.adaptive_avg_pool2d(maps, 7).flatten(1)
    layers = sorted(key[:-7] for key in state if key.startswith('head.') and key.endswith('.weight'))
    for layer in layers:
        features = torch.nn.functional.linear(features, state[f'{layer}.weight'], state[f'{layer}.bias'])
        features = features if layer == layers[-1] else features.relu()
    return features


@torch.no_grad()
def check_conversion(network, path, folder, size=(64, 96)):
    """The file at `path` is of `network`: converted, ours has its logits. Returns the provenance."""
    x = torch.randn(2, 3, *size)
    expected = network(x)
    converted = write(convert(path), folder)
    ours = logits(converted, x)
    assert expected.std() > 0.01
    assert (ours - expected).norm() <= 1e-5 * expected.norm()
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
    return torch.load(converted, weights_only=True)['meta']['provenance']
