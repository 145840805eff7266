import ast
from importlib import metadata
from pathlib import Path

import pytest

from senet_mm.compat import versions
from senet_mm.compat.versions import DISTRIBUTIONS, Distribution, check_versions

WORKING = {
    'torch': '2.14.1+cpu',
    'torchvision': '0.29.1',
    'onedl-mmengine': '0.10.12',
    'onedl-mmcv': '2.3.6',
    'onedl-mmdetection': '3.5.1',
    'onedl-mmpretrain': '1.3.6',
}
ORIGINAL = {'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmdet': '3.3.0', 'mmpretrain': '1.2.0'}


@pytest.fixture
def installed(monkeypatch):
    """The installed distributions, as a dictionary to change."""
    found = dict(WORKING)

    def version(name):
        if name not in found:
            raise metadata.PackageNotFoundError(name)
        return found[name]

    monkeypatch.setattr(metadata, 'version', version)
    return found


def complaint():
    with pytest.raises(ImportError) as caught:
        check_versions()
    return str(caught.value).splitlines()


def test_bounds_are_those_of_setup_py():
    tree = ast.parse(Path(__file__).parents[2].joinpath('setup.py').read_text('utf-8'))
    (listed,) = (
        node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == 'install_requires'
    )
    requirements = [each for each in ast.literal_eval(listed) if each.startswith(('torch', 'onedl'))]
    assert requirements == [known[0].requirement for known in DISTRIBUTIONS.values()]


def test_this_environment_works():
    check_versions()


def test_both_lines_work(installed):
    check_versions()
    for name in list(installed):
        if name.startswith('onedl'):
            del installed[name]
    installed.update(ORIGINAL)
    check_versions()


def test_absent_packages_and_versions_are_passed_over(installed):
    del installed['onedl-mmdetection'], installed['onedl-mmpretrain']
    installed['onedl-mmcv'] = None  # what metadata without a Version gives
    check_versions()
    installed.clear()
    check_versions()


def test_an_old_version_is_named_with_what_is_needed(installed):
    installed['torch'] = '2.5.1+cu124'
    assert complaint() == [
        'senet_mm cannot work with what is installed:',
        '- torch 2.5.1+cu124 is installed; torch>=2.6 is needed',
        "Run: pip install 'torch>=2.6'",
    ]


def test_all_problems_come_in_one_message(installed):
    installed.update(torchvision='0.20', mmdet='3.3.0')
    del installed['onedl-mmcv']
    installed['mmcv'] = '1.7.2'
    _, *problems, command = complaint()
    assert problems == [
        '- torchvision 0.20 is installed; torchvision>=0.21 is needed',
        '- mmcv 1.7.2 is installed; onedl-mmcv>=2.3.6,<2.4 or mmcv>=2.0.1,<2.3 or mmcv-lite>=2.0.1,<2.3 is needed',
        '- onedl-mmdetection 3.5.1 and mmdet 3.3.0 are installed together and overwrite one another: '
        'both are `import mmdet`; keep one',
    ]
    assert command == (
        'Run: pip uninstall -y mmcv onedl-mmdetection mmdet && '
        "pip install 'torchvision>=0.21' 'onedl-mmcv>=2.3.6,<2.4' 'onedl-mmdetection>=3.5.1,<4'"
    )


def test_an_old_maintained_package_is_upgraded_in_place(installed):
    installed['onedl-mmengine'] = '0.10.9'
    assert complaint()[-1] == "Run: pip install 'onedl-mmengine>=0.10.12,<1'"


@pytest.mark.parametrize(
    ('version', 'allowed'),
    [
        ('2.2.9', False),
        ('2.3', True),
        ('2.3.0', True),
        ('2.3.0a0+git1f2e', True),  # how NVIDIA's containers name what they built
        ('2.3.post1', True),
        ('2.10.1', True),
        ('2.11.0rc1', False),
        ('2.11', False),
        ('unknown', False),
    ],
)
def test_allows(version, allowed):
    assert Distribution('x', '2.3', '2.11').allows(version) is allowed


def test_trailing_zeros_do_not_matter():
    assert versions._numbers('2.6') == versions._numbers('2.6.0') == (2, 6)
    assert versions._numbers('0') == ()
