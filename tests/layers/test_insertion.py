"""insert_se on a small network, against the same composed by hand; what it refuses."""

import copy
import io
import pickle

import pytest
import timm
import torch
import torchvision
from torch import nn

from senet_mm.layers import SEBlock, insert_se
from senet_mm.weights.strict import load_strictly
from tests.models.contract import randomise_statistics


class Small(nn.Module):
    """A stem, a block whose ReLU runs twice, and a classifier."""

    def __init__(self, channels=8):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, channels, 3, 2, 1), nn.BatchNorm2d(channels)
        self.layer1 = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1), nn.BatchNorm2d(channels))
        self.relu, self.drop, self.fc = nn.ReLU(inplace=True), nn.Identity(), nn.Linear(channels, 5)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.drop(self.layer1(x)) + x)
        return self.fc(x.mean((2, 3)))


def small(where='bn1', **se):
    torch.manual_seed(0)
    model = insert_se(Small(), where, **dict(dict(ratio=2), **se))
    randomise_statistics(model)
    for name, parameter in model.named_parameters():
        if '.se.' in name:
            nn.init.normal_(parameter)
    return model.eval()


def gate_by_hand(u, block):
    """s (N,C,1,1) of u, from the block's weights, without the block."""
    hidden = torch.relu(nn.functional.linear(u.mean((2, 3)), block.fc1.weight[:, :, 0, 0], block.fc1.bias))
    return torch.sigmoid(nn.functional.linear(hidden, block.fc2.weight[:, :, 0, 0], block.fc2.bias))[:, :, None, None]


def small_by_hand(model, x, names):
    """What Small computes with SE on the outputs of the modules `names`."""

    def rescaled(name, u):
        return u * gate_by_hand(u, model.get_submodule(f'{name}.se')) if name in names else u

    convolution, norm = model.layer1[:2]
    x = torch.relu(rescaled('bn1', batch_norm(model.bn1, model.conv1(x))))
    branch = rescaled('layer1', rescaled('layer1.1', batch_norm(norm, convolution(x))))
    x = torch.relu(rescaled('drop', branch) + x)
    return model.fc(x.mean((2, 3)))


def batch_norm(norm, x):
    return nn.functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)


X = torch.randn(3, 3, 12, 10, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    'names', [['bn1'], ['layer1.1'], ['layer1'], ['drop'], ['bn1', 'layer1.1', 'layer1', 'drop']], ids=str
)
def test_rescales_the_output_of_each_named_module(names):
    model = small(names)
    assert {name.removesuffix('.se') for name, module in model.named_modules() if isinstance(module, SEBlock)} == {
        *names
    }
    torch.testing.assert_close(model(X), small_by_hand(model, X, names))
    assert not torch.allclose(model(X), small_by_hand(model, X, names[1:]))


def test_every_other_name_and_value_stays():
    plain = Small()
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    plain.bn1.eval()
    after = insert_se(plain, ['bn1', 'layer1'])
    assert after is plain
    assert not plain.bn1.training
    assert plain.layer1.training
    assert all(torch.equal(after.state_dict()[name], value) for name, value in before.items())
    added = after.state_dict().keys() - before.keys()
    layers = [
        f'{module}.se.{layer}.{kind}'
        for module in ('bn1', 'layer1')
        for layer in ('fc1', 'fc2')
        for kind in ('weight', 'bias')
    ]
    assert added == {*layers}


def test_where_takes_patterns_and_functions():
    def places(where):
        return insert_se(torchvision.models.resnet18(), where).se_places

    expected = tuple(f'layer{stage}.{unit}.bn2' for stage in (1, 2, 3, 4) for unit in (0, 1))
    assert places('layer*.*.bn2') == expected
    assert places(['layer[12].*.bn2', 'layer[34].?.bn2']) == expected
    assert places(lambda name, module: name.endswith('.bn2') and isinstance(module, nn.BatchNorm2d)) == expected
    assert places('bn1') == ('bn1',)  # a star or none: whole names, not their ends


def test_options_reach_the_blocks():
    model = small('layer1.1', ratio=4, squeeze='max', gate='tanh', bias=False)
    block = model.layer1[1].se
    assert block.fc1.weight.shape == (2, 8, 1, 1)
    assert (block.fc1.bias, block.squeeze, type(block.gate)) == (None, 'max', nn.Tanh)


def test_new_layers_have_he_initialisation_and_the_models_type():
    model = insert_se(Small(2048).double(), 'layer1.0', ratio=2)
    fc1 = model.layer1[0].se.fc1
    assert fc1.weight.dtype == torch.float64
    assert fc1.weight.std().item() == pytest.approx((2 / 2048) ** 0.5, rel=0.02)
    assert not fc1.bias.any()


def test_meta_model():
    with torch.device('meta'):
        model = insert_se(Small(), 'bn1')
    assert model.bn1.se.fc1.weight.is_meta
    assert model(X.to('meta')).shape == (3, 5)


def test_example_input():
    class TwoInputs(Small):
        def forward(self, x, scale):
            return super().forward(x * scale)

    with pytest.raises(ValueError, match=r'TwoInputs does not run on an image \(1,3,224,224\).*give example_input=…'):
        insert_se(TwoInputs(), 'bn1')
    model = insert_se(TwoInputs(), 'bn1', example_input=(X, torch.ones(())))
    assert model.bn1.se.fc1.in_channels == 8
    assert not model.bn1.running_mean.any()  # the pass that looks at shapes leaves no trace
    with pytest.raises(ValueError, match='Small does not run on the example input'):
        insert_se(Small(), 'bn1', example_input=torch.zeros(1, 4, 8, 8))
    assert insert_se(Small(), 'bn1', example_input=X).training


# Each of these leaves the forward pass as it is.
def deep_copied(model):
    return copy.deepcopy(model)


def pickled(model):
    return pickle.loads(pickle.dumps(model))


def saved_whole(model):
    buffer = io.BytesIO()
    torch.save(model, buffer)
    return torch.load(io.BytesIO(buffer.getvalue()), weights_only=False)


def rebuilt(model):
    twin = insert_se(Small(), ['bn1', 'layer1', 'drop'], ratio=2).eval()
    twin.load_state_dict(model.state_dict())
    return twin


def compiled(model):
    torch._dynamo.reset()
    return torch.compile(model, fullgraph=True, backend='eager')


def exported(model):
    return torch.export.export(model, (X,)).module()


def exported_strictly(model):
    return torch.export.export(model, (X,), strict=True).module()


def traced(model):
    return torch.jit.trace(model, X)


@pytest.mark.parametrize(
    'change',
    [deep_copied, pickled, saved_whole, rebuilt, compiled, exported, exported_strictly, traced],
)
def test_survives(change):
    model = small(['bn1', 'layer1', 'drop'])
    with torch.no_grad():
        changed = change(model)
        torch.testing.assert_close(changed(X), model(X))
        if change in (deep_copied, pickled, saved_whole):  # a copy has blocks of its own
            changed.bn1.se.fc2.bias.add_(1)
            assert not torch.allclose(changed(X), model(X))
            torch.testing.assert_close(model(X), small_by_hand(model, X, ['bn1', 'layer1', 'drop']))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    model = small(['bn1', 'layer1'])
    with torch.no_grad():
        expected = model(X)
        half = copy.deepcopy(model).to(dtype)(X.to(dtype))
    assert half.dtype == dtype
    torch.testing.assert_close(half.float(), expected, rtol=0.05, atol=0.05)


def test_distributed_data_parallel(tmp_path):
    model = small(['bn1', 'layer1']).train()
    twin = copy.deepcopy(model)
    torch.distributed.init_process_group('gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(model)
        for network in (wrapped, twin):
            network(X).square().sum().backward()
    finally:
        torch.distributed.destroy_process_group()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        assert ours.grad.any()
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_plain_weights_load_and_nothing_else_does():
    trained, model = Small(), small(['bn1', 'layer1'])
    untouched = model.bn1.se.fc1.weight.clone()
    load_strictly(model, trained.state_dict(), 'plain.pth', allow_missing='se')
    assert all(torch.equal(model.state_dict()[name], value) for name, value in trained.state_dict().items())
    assert torch.equal(model.bn1.se.fc1.weight, untouched)
    other = {**trained.state_dict(), 'head': X}
    del other['fc.bias']
    for weights, problem in (
        (other, r'1 missing from the file: fc\.bias\n  1 left over in the file: head'),
        (Small(4).state_dict(), 'of another shape: conv1'),
    ):
        with pytest.raises(ValueError, match=rf'plain\.pth does not fit Small:\n(.|\n)*{problem}'):
            load_strictly(model, weights, 'plain.pth', allow_missing='se')


def densenet():
    return torchvision.models.densenet121()


def vit():
    return timm.create_model('vit_tiny_patch16_224', depth=1)


def recurrent():
    return nn.Sequential(nn.Flatten(2), nn.LSTM(224 * 224, 2))


@pytest.mark.parametrize(
    ('build', 'where', 'message'),
    [
        (Small, 'layers1.1', r"Small has no module 'layers1\.1'; nearest: layer\*\.\*, "),
        (densenet, ['features.norm0', 'features.norm7'], r"no module 'features\.norm7'; nearest: features\.norm"),
        (Small, [], '`where` names no module'),
        (Small, lambda *_: False, '`where` chose none of the 8 modules of Small'),
        (Small, 'relu', 'relu, a ReLU, runs 2 times in a forward pass'),
        (Small, 'fc', r'fc returns a tensor \(1, 5\), not a map \(N,C,H,W\)'),
        (lambda: insert_se(Small(), 'bn1'), 'bn1', 'bn1 has an SE block already'),
        (lambda: insert_se(Small(), 'layer1'), 'layer1', 'layer1 has an SE block already'),
        (lambda: timm.create_model('resnet18'), 'layer*.*', 'layer1.0, a BasicBlock, has an attribute `se` of its own'),
        (densenet, 'features.denseblock1', 'a _DenseBlock, runs its children in a way of its own'),
        (vit, 'blocks.0', r'blocks\.0 returns a tensor \(1, 197, 192\), not a map'),
        (recurrent, '1', '1 returns a tuple, not a map'),
    ],
)
def test_what_cannot_be_leaves_the_model_as_it_was(build, where, message):
    model = build()
    names, hooks = set(model.state_dict()), [len(module._forward_hooks) for module in model.modules()]
    with pytest.raises(ValueError, match=message):
        insert_se(model, where)
    assert set(model.state_dict()) == names
    assert [len(module._forward_hooks) for module in model.modules()] == hooks
    assert all(module.training for module in model.modules())


def test_wrong_options():
    for options, message in (
        (dict(ratio=0), 'ratio=0'),
        (dict(ratio=[8, 16]), r'ratio=\[8, 16\]: insert_se has one for all blocks'),
        (dict(reduction=4), 'unknown SE option reduction'),
        (dict(position='pre', stages=[2]), 'SE option position, stages: `where` says where'),
    ):
        with pytest.raises(ValueError, match=message):
            insert_se(Small(), 'bn1', **options)


def test_a_module_replaced_afterwards_does_not_lose_its_block_silently():
    model = nn.SyncBatchNorm.convert_sync_batchnorm(small('bn1'))
    with pytest.raises(RuntimeError, match=r'the SE block of bn1 is lost.*put a new SyncBatchNorm there'):
        model(X)
    model = small('bn1')
    model.bn1 = nn.Identity()
    with pytest.raises(RuntimeError, match='put a new Identity there'):
        copy.deepcopy(model)(X)
    model = small(['bn1', 'layer1.1'])
    model.layer1 = nn.Identity()  # a part is taken out on purpose
    assert model(X).shape == (3, 5)
    converted = insert_se(nn.SyncBatchNorm.convert_sync_batchnorm(Small()), 'bn1', ratio=2).eval()
    converted.load_state_dict(small('bn1').state_dict())
    torch.testing.assert_close(converted(X), small('bn1')(X))
