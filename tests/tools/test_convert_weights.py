"""tools/convert_weights.py as typed: from anybody's file to a test of what it wrote; and a hostile file."""

import json
import pickle
import re

import pytest
import torch

from tests.tools.options import classifier


def test_a_port_is_converted_and_tested(run_tool, demo, tmp_path):
    timm = pytest.importorskip('timm')
    torch.manual_seed(0)
    path = tmp_path / 'se_resnet50.pth'
    torch.save(timm.create_model('legacy_seresnet50', pretrained=False, num_classes=10).state_dict(), path)
    result = run_tool('tools/convert_weights.py', path, tmp_path / 'weights')
    assert result.returncode == 0, result.stderr
    (written,) = (tmp_path / 'weights').iterdir()
    assert result.stdout.splitlines() == [
        'weights of Cadene’s port (timm legacy)',
        'input: RGB, mean 123.675, 116.28, 103.53, std 58.395, 57.12, 57.375; shorter side 256, crop 224',
        'network: se_resnet50, 10 classes',
        f'{written}: 26.11 M values',
    ]
    assert re.fullmatch(r'se_resnet50_cadene-[0-9a-f]{8}\.pth', written.name)
    assert set(torch.load(written, weights_only=True)) == {'meta', 'state_dict'}
    options = [option for option in classifier(demo, tmp_path / 'run') if not str(option).startswith('model.')]
    options.append('model.backbone.ceil_pool=True')
    tested = run_tool('tools/test.py', 'configs/demo/se_resnet50_demo.py', written, *options)
    assert tested.returncode == 0, tested.stderr[-3000:]
    assert 0 <= json.loads((tmp_path / 'run' / 'metrics.json').read_text())['metrics']['accuracy/top1'] <= 100


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['nothing.pth', 'out.pth'], 'there is no checkpoint nothing.pth'),
        (['{file}', 'out.pth', '--arch', 'se_resnet50'], 'resnet18.pth is resnet18, not se_resnet50'),
        (['{file}', 'out.txt'], 'a checkpoint is written to a folder or to a file named .pth or .safetensors'),
        (['{canary}', 'out.pth'], 'is refused: it holds more than weights'),
        (['http://example.org/a.pth', 'out.pth'], 'checkpoints are not fetched over http'),
    ],
)
def test_mistakes_end_in_one_message(run_tool, tmp_path, arguments, message):
    import torchvision

    file, hostile, canary = tmp_path / 'resnet18.pth', tmp_path / 'hostile.pth', tmp_path / 'canary'
    torch.save(torchvision.models.resnet18().state_dict(), file)
    hostile.write_bytes(pickle.dumps(dict(state_dict=Canary(canary))))
    paths = [argument.format(file=file, canary=hostile) for argument in arguments]
    paths[1] = tmp_path / paths[1]
    result = run_tool('tools/convert_weights.py', *paths)
    assert result.returncode == 1
    assert message in result.stderr
    assert 'Traceback' not in result.stderr
    assert not paths[1].exists()
    assert not canary.exists()
