"""tools/draw_detections.py as typed."""

import pytest

CONFIG = 'configs/demo/faster_rcnn_r50_demo.py'
CLASSIFIER = 'configs/demo/se_resnet50_demo.py'


@pytest.mark.parametrize(
    ('arguments', 'status', 'message'),
    [
        ([CLASSIFIER, 'a=x.json', '--out', 'x.png'], 1, f'{CLASSIFIER} tests on ImageNet; detections are drawn on'),
        ([CONFIG, 'a=x.json', '--out', 'x.txt'], 1, 'x.txt: the name says the format, and has to end in .png, .jpg, '),
        ([CONFIG, 'a=x.json', '--out', 'x.png', '--data-root', 'nowhere'], 1, 'The data of this config is missing'),
        (['README.md', 'a=x.json', '--out', 'x.png'], 1, 'README.md is no config, which ends in .py'),
        ([CONFIG, 'x.json', '--out', 'x.png'], 2, "'x.json' is not TITLE=FILE, e.g. SE=predictions.json"),
        ([CONFIG, 'a=x.json', '--out', 'x.png', '--number', '0'], 2, "argument --number: '0' is not 1, 2, …"),
    ],
)
def test_mistakes_end_in_one_message(run_tool, arguments, status, message):
    result = run_tool('tools/draw_detections.py', *arguments)
    assert result.returncode == status
    assert message in result.stderr
    assert 'Traceback' not in result.stderr
