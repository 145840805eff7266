"""What every backbone must do, one function a promise. A family's test runs them all over a builder of its network:

    @pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(lambda **options: SEResNet(50, **options), size=(64, 96))

`build(**options)` passes its options (se, out_indices, frozen_stages, norm_cfg, norm_eval, with_cp) on; without `se` it
has SE blocks in every stage that can have them.
"""

import copy
import itertools
import math

import pytest
import torch
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from senet_mm.layers import SEBlock


def stage_count(build):
    return build().out_indices[0] + 1


def every_stage(build, **options):
    return build(out_indices=range(stage_count(build)), **options)


def se_blocks(backbone):
    """Name and channels of every SE block, in order."""
    found = {name: module for name, module in backbone.named_modules() if isinstance(module, SEBlock)}
    return {name: module.fc1.in_channels for name, module in found.items()}


def randomise_statistics(model):
    """BatchNorm statistics and scales as after training: not 0 and 1, so that a forgotten layer shows."""
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            with torch.no_grad():
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.1)


def macs(model, size=(224, 224)):
    """Multiply-adds of convolutions and fully-connected layers for one image, and those of the SE blocks among them."""
    total = {True: 0, False: 0}

    def count(module, _, output, in_se):
        if isinstance(module, torch.nn.Conv2d):
            total[in_se] += output[0].numel() * module.weight[0].numel()
        else:
            total[in_se] += module.weight.numel()

    hooks = [
        module.register_forward_hook(lambda *args, in_se='.se.' in name: count(*args, in_se))
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear))
    ]
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, *size))
    for hook in hooks:
        hook.remove()
    return total[True] + total[False], total[True]


def check_outputs_are_what_it_says(build, size):
    backbone = every_stage(build).eval()
    height, width = size[0] + 6, size[1] + 5  # no multiple of any stride
    with torch.no_grad():
        maps = backbone(torch.randn(1, 3, height, width))
        assert isinstance(maps, tuple)
        assert tuple(m.shape[1] for m in maps) == backbone.out_channels
        assert list(backbone.strides) == sorted(backbone.strides)
        for m, stride in zip(maps, backbone.strides, strict=True):
            for ours, full in zip(m.shape[2:], (height, width), strict=True):
                assert math.floor(full / stride) <= ours <= math.ceil(full / stride)
        x = torch.randn(1, 3, *size)
        maps = backbone(x)
        backbone.out_indices = (0, len(maps) - 1)
        for ours, full in zip(backbone(x), (maps[0], maps[-1]), strict=True):
            assert torch.equal(ours, full)


def check_only_what_is_asked_for_is_computed(build, size):
    backbone = build(out_indices=(0,)).eval()
    blocks, seen = [backbone.get_submodule(name) for name in se_blocks(backbone)], []
    for module in blocks:
        module.register_forward_hook(lambda *_: seen.append(1))
    (m,) = backbone(torch.randn(1, 3, *size))
    assert m.shape[1] == backbone.out_channels[0]
    assert len(seen) < len(blocks)


def check_frozen_stages(build, size):
    count = stage_count(build)
    trained = []
    for frozen in range(-1, count + 1):
        backbone = every_stage(build, frozen_stages=frozen).train()
        fixed = {name for name, parameter in backbone.named_parameters() if not parameter.requires_grad}
        trained.append({name for name, _ in backbone.named_parameters()} - fixed)
        for name, module in backbone.named_modules():
            if isinstance(module, _BatchNorm):
                assert module.training == (f'{name}.weight' not in fixed), name
    assert trained[0] == {name for name, _ in build().named_parameters()}
    for before, after in itertools.pairwise(trained):
        assert after <= before
    assert len({len(names) for names in trained[1:]}) == count + 1  # each stage freezes something of its own

    first = every_stage(build, frozen_stages=1).train()
    fixed = {name: value.clone() for name, value in first.state_dict().items()}
    outputs = first(torch.randn(2, 3, *size))
    assert not outputs[0].requires_grad
    outputs[-1].square().mean().backward()
    names = {name for name, parameter in first.named_parameters() if parameter.grad is not None}
    assert names == trained[2]
    prefixes = {name.rsplit('.', 1)[0] for name in trained[2]}
    for name, value in first.state_dict().items():
        if name.rsplit('.', 1)[0] not in prefixes:
            assert torch.equal(value, fixed[name]), name


def check_norm_eval_keeps_statistics(build, size):
    backbone = build(norm_eval=True).train()
    before = {key: value.clone() for key, value in backbone.named_buffers()}
    backbone(torch.randn(2, 3, *size))[-1].mean().backward()
    assert before
    assert all(torch.equal(value, before[key]) for key, value in backbone.named_buffers())
    assert all(parameter.grad is not None for parameter in backbone.parameters())


def check_other_normalisations(build, size):
    x = torch.randn(1, 3, *size)
    for norm_cfg in (dict(type='SyncBN'), dict(type='GN', num_groups=1)):
        backbone = build(norm_cfg=norm_cfg).eval()
        assert torch.isfinite(backbone(x)[-1]).all()
        assert not any(type(module) is torch.nn.BatchNorm2d for module in backbone.modules())


def check_checkpointing_changes_no_gradient(build, size):
    torch.manual_seed(0)
    plain = build(norm_eval=True).double().train()
    recomputed = build(norm_eval=True, with_cp=True).double().train()
    recomputed.load_state_dict(plain.state_dict())
    runs = dict.fromkeys((plain, recomputed), 0)
    for backbone in runs:
        last = [module for module in backbone.modules() if isinstance(module, torch.nn.Conv2d)][-1]
        last.register_forward_hook(lambda *_, backbone=backbone: runs.update({backbone: runs[backbone] + 1}))
    x = torch.randn(1, 3, *size, dtype=torch.float64)
    for backbone in runs:
        backbone(x)[-1].square().mean().backward()
    for ours, theirs in zip(recomputed.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-12)
    assert runs[plain] == 1
    assert runs[recomputed] == 2


def saved_bytes(backbone, x):
    """What the forward pass keeps for the backward pass, parameters and x left out."""
    known = {tensor.untyped_storage().data_ptr() for tensor in [x, *backbone.parameters(), *backbone.buffers()]}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = backbone(x)
    assert outputs[-1].requires_grad
    return sum(count for pointer, count in kept.items() if pointer not in known)


def check_checkpointing_saves_memory(build, size):
    x = torch.randn(1, 3, *size)
    assert saved_bytes(build(with_cp=True).train(), x) < 0.7 * saved_bytes(build().train(), x)


def check_serves_an_fpn(build, size):
    import mmdet.models

    backbone = every_stage(build).eval()
    neck = mmdet.models.necks.FPN(in_channels=list(backbone.out_channels), out_channels=16, num_outs=stage_count(build))
    maps = backbone(torch.randn(1, 3, size[0] + 6, size[1] + 5))
    for level, m in zip(neck(maps), maps, strict=True):
        assert level.shape == (1, 16, *m.shape[2:])


def check_torch_compile(build, size):
    torch.manual_seed(0)
    backbone = every_stage(build).eval()
    x = torch.randn(1, 3, *size)
    with torch.no_grad():
        torch._dynamo.reset()
        compiled = torch.compile(backbone, fullgraph=True, backend='eager')
        for ours, eager in zip(compiled(x), backbone(x), strict=True):
            torch.testing.assert_close(ours, eager)


def check_bfloat16_autocast(build, size):
    torch.manual_seed(0)
    backbone = build().train()
    backbone.init_weights()
    x = torch.randn(2, 3, *size)
    with torch.autocast('cpu', torch.bfloat16):
        half = backbone(x)[-1]
    half.float().square().mean().backward()
    assert torch.isfinite(half).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in backbone.parameters())
    with torch.no_grad():
        reference = backbone.eval()(x)[-1]
        with torch.autocast('cpu', torch.bfloat16):
            half = backbone(x)[-1]
    assert (half.float() - reference).norm() / reference.norm() < 0.05


def check_channels_last(build, size):
    torch.manual_seed(0)
    backbone = build().eval()
    backbone.init_weights()
    other = copy.deepcopy(backbone).to(memory_format=torch.channels_last)
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        reference = backbone(x)[-1]
        ours = other(x.to(memory_format=torch.channels_last))[-1]
    assert (ours - reference).norm() / reference.norm() < 1e-4


def check_state_dict_round_trip(build, size):
    one, two = build().eval(), build().eval()
    randomise_statistics(one)
    two.load_state_dict(one.state_dict())
    x = torch.randn(1, 3, *size)
    with torch.no_grad():
        assert torch.equal(one(x)[-1], two(x)[-1])


def check_training(build, size):
    torch.manual_seed(0)
    backbone = build().train()
    backbone.init_weights()
    head = torch.nn.Linear(backbone.out_channels[-1], 4)
    parameters = [*backbone.parameters(), *head.parameters()]
    optimiser = torch.optim.SGD(parameters, lr=0.01, momentum=0.9)
    x, labels = torch.randn(4, 3, *size), torch.arange(4)
    losses = []
    for _ in range(5):
        optimiser.zero_grad()
        loss = F.cross_entropy(head(backbone(x)[-1].mean((2, 3))), labels)
        loss.backward()
        for name, parameter in backbone.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def check_se_adds_its_own_names_only(build, size):
    del size
    plain, se = build(se=None).state_dict(), build().state_dict()
    assert plain.keys() < se.keys()
    assert all('.se.fc' in name for name in se.keys() - plain.keys())
    assert all(value.shape == se[name].shape for name, value in plain.items())


def check_se_parameters_are_equation_5(build, size):
    del size
    for ratio in (4, 16):
        backbone = build(se=dict(ratio=ratio, bias=False))
        added = sum(p.numel() for p in backbone.parameters()) - sum(p.numel() for p in build(se=None).parameters())
        assert added == sum(2 * channels * max(1, channels // ratio) for channels in se_blocks(backbone).values())


def check_se_in_chosen_stages(build, size):
    del size
    backbone = build()
    everywhere = se_blocks(backbone)
    count, first, found = stage_count(build), backbone.first_se_stage, {}
    for stage in range(first, first + count):
        try:
            blocks = se_blocks(build(se=dict(stages=[stage])))
        except ValueError:
            continue  # a stage that has no place for SE says so
        assert blocks
        assert not found.keys() & blocks.keys()
        found |= blocks
    assert found == everywhere
    with pytest.raises(ValueError, match=rf'stages=\[{first + count}\]'):
        build(se=dict(stages=[first + count]))


def check_initialisation(build, size):
    """He's, by fan-out for convolutions, by fan-in for the SE block's layers."""
    del size
    backbone = build()
    backbone.init_weights()
    name, channels = max(se_blocks(backbone).items(), key=lambda item: item[1])
    if channels >= 256:
        layer = backbone.get_submodule(name).fc1
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / channels), rel=0.1)
        assert not layer.bias.any()
    for module in backbone.modules():
        if isinstance(module, _BatchNorm):
            assert not module.bias.any()


def check_refusals(build, size):
    del size
    count = stage_count(build)
    for options, message in (
        (dict(out_indices=(count,)), rf'out_indices=\({count},\)'),
        (dict(frozen_stages=count + 1), rf'frozen_stages={count + 1}'),
        (dict(se=dict(position='nowhere')), "position='nowhere' is not one of"),
    ):
        with pytest.raises(ValueError, match=message):
            build(**options)


def check_standard_position_only(build, size):
    """For the families without residual units; not in CHECKS."""
    del size
    for position in ('pre', 'post', 'identity', '3x3'):
        with pytest.raises(ValueError, match=f"position='{position}'.*allows 'standard'"):
            build(se=dict(position=position))


CHECKS = [
    check_outputs_are_what_it_says,
    check_only_what_is_asked_for_is_computed,
    check_frozen_stages,
    check_norm_eval_keeps_statistics,
    check_other_normalisations,
    check_checkpointing_changes_no_gradient,
    check_checkpointing_saves_memory,
    check_serves_an_fpn,
    check_torch_compile,
    check_bfloat16_autocast,
    check_channels_last,
    check_state_dict_round_trip,
    check_training,
    check_se_adds_its_own_names_only,
    check_se_parameters_are_equation_5,
    check_se_in_chosen_stages,
    check_initialisation,
    check_refusals,
]
