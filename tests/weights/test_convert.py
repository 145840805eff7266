"""Converting a file: what is written, what it says of itself, and what each mistake prints."""

import hashlib
import json
import os
import re

import pytest
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file

from senet_mm.data.errors import DataError
from senet_mm.models import MobileNetV1, ResNet, SEResNet
from senet_mm.weights.convert import convert, write
from senet_mm.weights.source import WeightsError
from tests.weights.caffe_file import layer, net


@pytest.fixture
def resnet18(tmp_path):
    """torchvision's ResNet-18 with 10 classes, saved."""
    torch.manual_seed(0)
    path = tmp_path / 'resnet18.pth'
    torch.save(torchvision.models.resnet18(num_classes=10).state_dict(), path)
    return path


def test_a_file_in_a_folder_is_named_by_its_content(resnet18, tmp_path):
    path = write(convert(resnet18), tmp_path / 'new' / 'folder')
    assert path.parent == tmp_path / 'new' / 'folder'
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.name == f'resnet18_torchvision-{digest[:8]}.pth'
    assert torch.hub.HASH_REGEX.search(path.name)[1] == digest[:8]  # what torch checks a download by
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_provenance(resnet18, tmp_path):
    checkpoint = torch.load(write(convert(resnet18), tmp_path / 'out.pth'), weights_only=True)
    assert set(checkpoint) == {'meta', 'state_dict'}
    provenance = checkpoint['meta']['provenance']
    date = provenance.pop('date')
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d', date)
    assert dict(type='senet_mm.ResNet', depth=18, ceil_pool=False).items() <= provenance.pop('backbone').items()
    assert provenance == dict(
        source='torchvision',
        file='resnet18.pth',
        sha256=hashlib.sha256(resnet18.read_bytes()).hexdigest(),
        architecture='resnet18',
        classes=10,
        input=dict(channels='RGB', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    )


def test_an_address_is_kept(resnet18, tmp_path, monkeypatch):
    """An https:// source is read from where torch's hub keeps what it fetched."""
    from senet_mm.weights import convert as module
    from senet_mm.weights import reading

    url = 'https://example.org/models/resnet18.pth'
    for user in (module, reading):
        monkeypatch.setattr(user, 'locate', lambda source: resnet18 if source == url else None)
    provenance = convert(url).provenance
    assert (provenance['url'], provenance['file']) == (url, 'resnet18.pth')


def test_safetensors_has_the_same(resnet18, tmp_path):
    converted = convert(resnet18)
    pth = torch.load(write(converted, tmp_path / 'out.pth'), weights_only=True)
    path = write(converted, tmp_path / 'out.safetensors')
    state = load_file(path)
    assert set(state) == set(pth['state_dict'])
    assert all(torch.equal(value, pth['state_dict'][key]) for key, value in state.items())
    with safe_open(path, framework='pt') as file:
        assert json.loads(file.metadata()['provenance']) == pth['meta']['provenance']


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_converted_file_converts_again(resnet18, tmp_path, suffix):
    """From .pth to .safetensors and back: still torchvision's, with the first conversion kept."""
    first = write(convert(resnet18), tmp_path / f'first{suffix}')
    again = convert(first)
    assert again.weights.summary[0] == 'weights converted from torchvision (resnet18.pth)'
    assert again.provenance['source'] == 'torchvision'
    assert again.provenance['before']['file'] == 'resnet18.pth'
    assert (again.provenance['file'], again.stem) == (first.name, 'resnet18_torchvision')
    assert again.provenance['input'] == again.provenance['before']['input']


def test_nothing_is_left_of_a_failure(resnet18, tmp_path, monkeypatch):
    converted = convert(resnet18)
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'old.pth').write_bytes(b'old')
    real = torch.save

    def half(value, path):
        real(value, path)
        raise OSError('No space left on device')

    monkeypatch.setattr(torch, 'save', half)
    with pytest.raises(OSError, match='No space left'):
        write(converted, out / 'old.pth')
    assert [(file.name, file.read_bytes()) for file in out.iterdir()] == [('old.pth', b'old')]


def test_out_is_a_folder_or_a_checkpoint(resnet18, tmp_path):
    with pytest.raises(DataError, match=r'out\.onnx: a checkpoint is written to a folder or .* \.pth or \.safetensors'):
        write(convert(resnet18), tmp_path / 'out.onnx')


def test_the_asked_architecture(resnet18):
    assert convert(resnet18, arch='resnet18').provenance['architecture'] == 'resnet18'
    with pytest.raises(WeightsError, match=r'resnet18\.pth is resnet18, not se_resnet50'):
        convert(resnet18, arch='se_resnet50')


def config(folder, text):
    path = folder / 'config.py'
    path.write_text(f"model = dict(type='ImageClassifier', {text})")
    return path


HEAD = "neck=dict(type='GlobalAveragePooling'), head=dict(type='LinearClsHead', in_channels=512, num_classes={})"


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ("backbone=dict(type='senet_mm.ResNet', depth=34), " + HEAD.format(10),
         r'does not fit ImageClassifier:\n  \d+ missing from the file: backbone.layer1.2.conv1.weight'),
        ("backbone=dict(type='senet_mm.ResNet', depth=18), " + HEAD.format(7),
         r'2 of another shape: head.fc.weight \(10, 512\) in the file, \(7, 512\) in the network, head.fc.bias '
         r'\(10\) in the file, \(7\) in the network\nThe file is for another number of classes'),
        ("backbone=dict(type='senet_mm.SEResNet', depth=18), " + HEAD.format(10), 'file is of a network without SE'),
        ("backbone=dict(type='senet_mm.ResNet', depth=18, ceil_pool=True), " + HEAD.format(10),
         'with ceil_pool=False, this backbone has ceil_pool=True'),
    ],
)  # fmt: skip
def test_a_config_that_is_for_another_network(resnet18, tmp_path, text, message):
    with pytest.raises(WeightsError, match=message):
        convert(resnet18, config=config(tmp_path, text))


def test_a_config_for_these_weights(resnet18, tmp_path):
    path = config(tmp_path, "backbone=dict(type='senet_mm.ResNet', depth=18), " + HEAD.format(10))
    converted = convert(resnet18, config=path)
    assert converted.provenance['backbone'] == dict(type='senet_mm.ResNet', depth=18)
    found = convert(resnet18)
    assert set(converted.state) == set(found.state)
    assert all(torch.equal(value, found.state[key]) for key, value in converted.state.items())
    with pytest.raises(DataError, match=r'there is no config file nowhere\.py'):
        convert(resnet18, config='nowhere.py')


def test_a_network_that_only_its_config_describes(tmp_path):
    path = config(tmp_path, "backbone=dict(type='senet_mm.MobileNetV1')")
    torch.save(MobileNetV1().state_dict(), tmp_path / 'file.pth')
    with pytest.raises(WeightsError, match=r'for none of the networks that are known here; .* --config'):
        convert(tmp_path / 'file.pth')
    converted = convert(tmp_path / 'file.pth', config=path)
    assert (converted.stem, converted.provenance['architecture']) == ('config_state_dict', 'config')


def test_half_precision_is_widened_and_said(tmp_path):
    network = torchvision.models.resnet18(num_classes=10).half()
    torch.save(network.state_dict(), tmp_path / 'half.pth')
    converted = convert(tmp_path / 'half.pth')
    assert converted.weights.summary[-1] == 'half precision (torch.float16): widened to float32, which changes no value'
    assert {value.dtype for value in converted.state.values()} == {torch.float32, torch.int64}
    assert torch.equal(converted.state['head.fc.weight'].half(), network.fc.weight)


def test_overflown_statistics_are_refused(tmp_path):
    state = torchvision.models.resnet18().state_dict()
    for unit in (0, 1):
        state[f'layer4.{unit}.bn2.running_var'][3] = 1e6
    state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    torch.save(state, tmp_path / 'half.pth')
    with pytest.raises(WeightsError, match=r'infinite or no numbers: layer4.\{0-1\}.bn2.running_var'):
        convert(tmp_path / 'half.pth')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (dict(epoch=3, optimizer=dict(state={})), 'holds no weights: no state_dict and no tensors; it has epoch, opt'),
        ({}, 'holds no weights: no state_dict and no tensors; it has nothing'),
        (dict(state_dict=dict(words=torch.zeros(3))), 'for none of the networks that are known here; .* begin words'),
        ([1, 2], 'holds a list, not a dict of weights'),
    ],
)
def test_files_without_use(tmp_path, content, message):
    torch.save(content, tmp_path / 'file.pth')
    with pytest.raises(DataError, match=message):
        convert(tmp_path / 'file.pth')


@pytest.mark.parametrize('kind', ['pth', 'caffemodel', 'safetensors'])
def test_truncated_files(resnet18, tmp_path, kind):
    path = tmp_path / f'file.{kind}'
    if kind == 'caffemodel':
        path.write_bytes(net('n', [layer('conv1/7x7_s2', 'Convolution', [torch.zeros(64, 3, 7, 7)])]))
    else:
        write(convert(resnet18), path.with_suffix(f'.{kind}'))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(DataError, match=r'truncated|not a whole safetensors file|cut off'):
        convert(path)


def test_a_bare_backbone_does_not_say_its_style(tmp_path):
    torch.save(SEResNet(50, style='caffe').state_dict(), tmp_path / 'file.pth')
    with pytest.raises(
        WeightsError, match=r'does not say which convolution of a bottleneck has the stride .* --config'
    ):
        convert(tmp_path / 'file.pth')
    path = config(tmp_path, "backbone=dict(type='senet_mm.SEResNet', depth=50, style='caffe')")
    converted = convert(tmp_path / 'file.pth', config=path)
    assert (converted.stem, converted.provenance['classes']) == ('se_resnet50_state_dict', None)
    torch.save(ResNet(18).state_dict(), tmp_path / 'file.pth')
    assert convert(tmp_path / 'file.pth').stem == 'resnet18_state_dict'  # basic blocks have no choice


def test_a_head_of_another_kind(tmp_path):
    state = {f'backbone.{key}': value for key, value in ResNet(18).state_dict().items()}
    linear = {'head.fc.weight': torch.zeros(5, 512), 'head.fc.bias': torch.zeros(5)}
    for head, message in (
        (
            {**linear, 'head.fc.weight': torch.zeros(5, 64)},
            r'head.fc has shapes \(5, 64\) .* its input has 512 channels',
        ),
        ({'head.classifier.weight': torch.zeros(5, 512)}, 'a head with classifier is not known here; --config'),
        ({**linear, 'neck.fc.weight': torch.zeros(3)}, 'between backbone and head it has neck; --config'),
    ):
        torch.save(dict(state_dict=state | head), tmp_path / 'file.pth')
        with pytest.raises(WeightsError, match=message):
            convert(tmp_path / 'file.pth')
