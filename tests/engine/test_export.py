"""What is exported computes what PyTorch computes, in onnxruntime and in torch.export's runtime, or is not there."""

import dataclasses
import itertools
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import timm
import torch

from senet_mm.data.errors import DataError
from senet_mm.engine import export
from senet_mm.engine.export import write
from senet_mm.layers import insert_se
from senet_mm.models import ResNet
from senet_mm.models.build import build_backbone
from tests.models.contract import randomise_statistics

POSITIONS = ('standard', 'pre', 'post', 'identity', '3x3')
SQUEEZES, GATES = ('avg', 'max', 'none'), ('sigmoid', 'tanh', 'relu')


def one_stage(**se):
    """The first stage of an SE-ResNet-50, after some training."""
    torch.manual_seed(0)
    network = ResNet(50, num_stages=1, se=dict(ratio=16, **se)).eval()
    randomise_statistics(network)
    for name, parameter in network.named_parameters():
        if name.endswith('se.fc2.bias'):
            torch.nn.init.normal_(parameter)
    return network


def settle(network, size):
    """BatchNorm as after training: scales of its own and the statistics of its maps.

    With statistics at random, a hundred layers amplify rounding beyond any comparison.
    """
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.randn(8, 3, *size))


def run_onnx(path, images):
    """The outputs of an ONNX file, without any code of ours."""
    return onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider']).run(None, {'image': images.numpy()})


def run_pt2(path, images):
    with torch.no_grad():
        outputs = torch.export.load(path).module()(images)
    return [output.numpy() for output in ([outputs] if isinstance(outputs, torch.Tensor) else outputs)]


RUN = {'.onnx': run_onnx, '.pt2': run_pt2}


def assert_exports(network, folder, suffixes=('.onnx', '.pt2'), size=(40, 48), count=3):
    """Written with a free batch, both give PyTorch's outputs for another number of images than was traced."""
    images = torch.randn(count, 3, *size)
    with torch.no_grad():
        expected = network.eval()(images)
    expected = [expected] if isinstance(expected, torch.Tensor) else expected
    for suffix in suffixes:
        path = folder / f'network{suffix}'
        assert write(network, path, size, dynamic_batch=True) <= 1e-4
        for ours, theirs in zip(expected, RUN[suffix](path, images), strict=True):
            scale = ours.abs().max().item()
            np.testing.assert_allclose(theirs / scale, ours.numpy() / scale, rtol=0, atol=1e-4)


def test_one_position(tmp_path):
    assert_exports(one_stage(position='3x3', gate='tanh', squeeze='max'), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(('position', 'squeeze', 'gate'), itertools.product(POSITIONS, SQUEEZES, GATES))
def test_every_position_squeeze_and_gate(tmp_path, position, squeeze, gate):
    assert_exports(one_stage(position=position, squeeze=squeeze, gate=gate), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    'name',
    [
        'se_resnet50',
        'se_resnext50_32x4d',
        'se_vgg16',
        'se_bn_inception',
        'se_inception_resnet_v2',
        'se_mobilenet_v1',
        'se_shufflenet_v1',
        'se_densenet121',
        'se_resnet20',
        'se_resnet164',
        'se_wrn16_8',
        'se_shake_shake26_2x96d',
    ],
)
def test_every_family(tmp_path, name):
    torch.manual_seed(0)
    network = build_backbone(name)
    settle(network, (96, 96))
    assert_exports(network, tmp_path, size=(96, 96))


@pytest.mark.parametrize('suffix', [pytest.param('.onnx', marks=pytest.mark.slow), '.pt2'])
def test_a_network_with_inserted_blocks(tmp_path, suffix):
    torch.manual_seed(0)
    network = insert_se(timm.create_model('convnext_atto', depths=(1, 1, 1, 1)), 'stages.*.blocks.*.drop_path')
    assert_exports(network, tmp_path, suffixes=[suffix], size=(64, 64))


@pytest.mark.parametrize('suffix', ['.onnx', '.pt2'])
def test_names_shapes_and_what_is_stored_beside(tmp_path, suffix):
    path = tmp_path / f'new folder/network{suffix}'
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    write(network, path, (8, 16), meta=dict(config='configs/x.py', data_preprocessor=dict(mean=[1, 2, 3])))
    assert not network.training
    if suffix == '.onnx':
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        meta = {entry.key: entry.value for entry in model.metadata_props}
        session = onnxruntime.InferenceSession(path)
        assert [(i.name, i.shape, i.type) for i in session.get_inputs()] == [('image', [1, 3, 8, 16], 'tensor(float)')]
        assert [(o.name, o.shape) for o in session.get_outputs()] == [('logits', [1, 4])]
    else:
        files = {'meta.json': ''}
        torch.export.load(path, extra_files=files)
        meta = json.loads(files['meta.json'])
    assert meta['config'] == 'configs/x.py'
    assert json.loads(meta['data_preprocessor']) == dict(mean=[1, 2, 3])


def test_maps_of_a_backbone_are_named(tmp_path):
    backbone = ResNet(18, num_stages=2, out_indices=(0, 1))
    write(backbone, tmp_path / 'backbone.onnx', (32, 32), dynamic_batch=True)
    outputs = onnxruntime.InferenceSession(tmp_path / 'backbone.onnx').get_outputs()
    assert [output.name for output in outputs] == ['map0', 'map1']
    assert [output.shape[1:] for output in outputs] == [[64, 8, 8], [128, 4, 4]]


@pytest.mark.parametrize('error', [1e-3, float('nan')])
def test_what_differs_is_not_written(tmp_path, monkeypatch, error):
    read = export.FORMATS['.pt2'].read

    def read_wrongly(path):
        run = read(path)
        return lambda images: [output + error * output.abs().max() for output in run(images)]

    wrong = dataclasses.replace(export.FORMATS['.pt2'], read=read_wrongly)
    monkeypatch.setitem(export.FORMATS, '.pt2', wrong)
    path = tmp_path / 'network.pt2'
    path.write_text('an older one')
    with pytest.raises(DataError, match=r'network\.pt2 is not written: its outputs would differ from PyTorch’s by'):
        write(torch.nn.Conv2d(3, 4, 3), path, (8, 8))
    assert path.read_text() == 'an older one'
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_exported_leaves_nothing(tmp_path):
    class DependsOnData(torch.nn.Module):
        def forward(self, x):
            return x * 2 if x.sum() > 0 else x

    for suffix in ('.onnx', '.pt2'):
        with pytest.raises(Exception, match=r'(?i)data-dependent|could not guard'):
            write(DependsOnData(), tmp_path / f'network{suffix}', (8, 8))
    assert not list(tmp_path.iterdir())


def test_formats_and_packages(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r'network\.pb: the name says the format, and has to end in \.onnx or \.pt2'):
        write(torch.nn.Identity(), tmp_path / 'network.pb', (8, 8))
    monkeypatch.setattr(export, 'find_spec', lambda name: None if name == 'onnxscript' else object())
    with pytest.raises(DataError, match=r'\.onnx needs onnxscript: pip install "senet_mm\[export\]"'):
        write(torch.nn.Identity(), tmp_path / 'network.onnx', (8, 8))
    assert write(torch.nn.Conv2d(3, 4, 3), tmp_path / 'network.pt2', (8, 8)) <= 1e-4
