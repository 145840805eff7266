"""tools/complexity.py as typed."""

import json

import pytest

CONFIG = 'configs/se_resnet50_imagenet.py'


def test_standard_output_is_the_table_alone(run_tool):
    detector = 'configs/retinanet_se_r50_1x_coco.py'  # mmdet logs while it is imported
    result = run_tool('tools/complexity.py', CONFIG, detector, '--format', 'json', '--input-size', '64x96')
    assert result.returncode == 0, result.stderr
    assert [(line['config'], line['part'], line['input']) for line in json.loads(result.stdout)] == [
        ('se_resnet50_imagenet', 'whole', '64x96'),
        ('retinanet_se_r50_1x_coco', 'backbone', '64x96'),
        ('retinanet_se_r50_1x_coco', 'whole', '64x96'),
    ]


def test_it_writes_a_file(run_tool, tmp_path):
    out = tmp_path / 'new' / 'table.md'
    result = run_tool('tools/complexity.py', CONFIG, '--format', 'md', '--out', out)
    assert (result.returncode, result.stdout) == (0, '')
    assert '| se_resnet50_imagenet | 224x224 |' in out.read_text()


@pytest.mark.parametrize(
    ('arguments', 'status', 'message'),
    [
        (['configs/nothing.py'], 1, 'there is no config file configs/nothing.py'),
        ([], 2, 'one of the arguments CONFIG --all is required'),
        ([CONFIG, '--input-size', '0'], 2, "'0' is not a size, e.g. 224, or WIDTHxHEIGHT"),
        ([CONFIG, '--input-size', '224x'], 2, "'224x' is not a size"),
    ],
)
def test_mistakes_end_in_one_message(run_tool, arguments, status, message):
    result = run_tool('tools/complexity.py', *arguments)
    assert result.returncode == status
    assert message in result.stderr
    assert 'Traceback' not in result.stderr
