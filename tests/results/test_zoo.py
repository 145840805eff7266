"""The zoo's files are those of the configs, other tools read them, and released runs get into them."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from senet_mm.data.errors import DataError
from senet_mm.results.layouts import METRICS
from senet_mm.results.paper import counts, paper_row, paper_value, published
from senet_mm.results.zoo import find_entries, make_zoo, metafile
from tests.results.made_runs import make_run

ROOT = Path(__file__).parents[2]
STEM = 'se_resnet50_imagenet'


@pytest.fixture(scope='module')
def entries():
    return {entry.path.stem: entry for entry in find_entries(ROOT, ROOT / 'docs' / 'runs')}


@pytest.fixture
def repository(tmp_path):
    """A repository of two configs, with what they inherit."""
    shutil.copytree(ROOT / 'configs' / '_base_', tmp_path / 'configs' / '_base_')
    for stem in ('resnet50_imagenet', STEM):
        shutil.copy(ROOT / 'configs' / f'{stem}.py', tmp_path / 'configs')
    return tmp_path


def models(root):
    """Name → model, of all metafiles that the index names, as plain YAML."""
    index = yaml.safe_load((root / 'model-index.yml').read_text())
    metafiles = [yaml.safe_load((root / path).read_text()) for path in index['Import']]
    return {model['Name']: model for content in metafiles for model in content['Models']}


@pytest.mark.slow
def test_the_files_are_current(tmp_path):
    """`make tables` writes them."""
    shutil.copytree(ROOT / 'configs', tmp_path / 'configs', ignore=shutil.ignore_patterns('__pycache__'))
    if (ROOT / 'docs' / 'runs').is_dir():
        shutil.copytree(ROOT / 'docs' / 'runs', tmp_path / 'docs' / 'runs')
    for path in make_zoo(tmp_path):
        assert (tmp_path / path).read_bytes() == (ROOT / path).read_bytes(), f'{path} is old: make tables'
    metafiles = [{path.relative_to(root) for path in root.glob('configs/zoo/*/*')} for root in (ROOT, tmp_path)]
    assert metafiles[0] == metafiles[1]


def test_model_index_finds_no_mistake():
    load = pytest.importorskip('modelindex.load_model_index').load
    index = load(str(ROOT / 'model-index.yml'))
    wrong = [(item['filepath'], *item['errors']) for item in index.collect_check_errors() if item['errors']]
    assert not wrong
    index.build_models_with_collections()
    found = {model.name: model for model in index.models}
    assert set(found) == set(published())
    for name, model in found.items():
        assert (ROOT / model.config).is_file()
        assert model.config == published()[name]['path']


@pytest.mark.slow  # importing its apis
def test_mmpretrain_gets_a_config_by_its_name(monkeypatch):
    from mmpretrain.apis import ModelHub

    monkeypatch.setattr(ModelHub, '_models_dict', {})
    monkeypatch.setattr(ModelHub, '_register_mmpretrain_models', lambda: None)
    ModelHub.register_model_index(ROOT / 'model-index.yml', config_prefix=ROOT)
    info = ModelHub.get(STEM)
    assert info.config.model.backbone == Config.fromfile(ROOT / 'configs' / f'{STEM}.py').model.backbone
    widths = [256] * 3 + [512] * 4 + [1024] * 6 + [2048] * 3  # of ResNet-50's blocks
    se = sum(2 * width * width // 16 + width // 16 + width for width in widths)
    assert info.metadata.data['Parameters'] == 25_557_032 + se
    assert info.in_collection == 'ResNet'


def test_parameters_and_operations_are_the_counted_ones():
    for name, model in models(ROOT).items():
        if name in counts():
            counted = counts()[name]
            assert (model['Metadata']['FLOPs'], model['Metadata']['Parameters']) == (
                counted['macs'],
                counted['parameters'],
            )


def test_the_papers_numbers_are_the_papers(entries):
    """Those of the headers, which the files show, against paper.csv."""
    checked = 0
    for stem, entry in entries.items():
        if paper_row(stem) is None:
            continue
        numbers = [float(number) for number in re.findall(r'\d+\.\d+', entry.paper)]
        for name in METRICS:
            value = paper_value(stem, name)
            if value is not None:
                assert value in numbers, (stem, name, value, entry.paper)
                checked += 1
    assert checked > 80


def test_every_config_has_a_line(entries):
    text = (ROOT / 'configs' / 'README.md').read_text()
    for path in (ROOT / 'configs').rglob('*.py'):
        if '_base_' not in path.parts:
            link = path.relative_to(ROOT / 'configs').as_posix()
            assert text.count(f'({link})') == 1, path
    for entry in entries.values():
        assert all(f'`{command}`' in text for command in entry.commands)


def test_no_number_without_a_run(repository):
    make_zoo(repository)
    assert 'Results' not in models(repository)[STEM]
    assert 'Weights' not in models(repository)[STEM]
    (line,) = (line for line in (repository / 'configs' / 'README.md').read_text().splitlines() if f'[{STEM}]' in line)
    assert line == (
        f'| [{STEM}]({STEM}.py) | `tools/dist_train.sh configs/{STEM}.py 8` '
        '| top-1 / top-5 error 23.29 / 6.62 % (Table 2) | — | — |'
    )


def test_released_runs_get_into_the_files(repository):
    errors = {0: (23.0, 6.5), 1: (23.2, 6.7)}
    for seed, (top1, top5) in errors.items():
        measured = {'accuracy/top1': 100 - top1, 'accuracy/top5': 100 - top5}
        folder = make_run(repository / 'docs' / 'runs' / STEM / f'seed_{seed}', STEM, seed, measured, logged=False)
        (folder / 'metrics.json').unlink()  # run.json is enough
    (repository / 'docs' / 'runs' / STEM / 'seed_1' / 'weights.url').write_text('https://example.org/se.pth\n')
    make_zoo(repository)
    model = models(repository)[STEM]
    assert model['Results'] == [
        {
            'Task': 'Image Classification',
            'Dataset': 'ImageNet-1k',
            'Metrics': {'Top 1 Accuracy': 76.9, 'Top 5 Accuracy': 93.4},
        }
    ]
    assert model['Weights'] == 'https://example.org/se.pth'
    text = (repository / 'configs' / 'README.md').read_text()
    assert (  # the standard deviation of two values is their distance / √2: 0.2 / 1.414
        'top-1 err. 23.10 ± 0.14 (2), top-5 err. 6.60 ± 0.14 (2) | [weights](https://example.org/se.pth) |'
    ) in text
    assert 'Results' not in models(repository)['resnet50_imagenet']


def test_a_run_that_cannot_count_is_not_released(repository):
    make_run(repository / 'docs' / 'runs' / 'x', STEM, 0, dirty=['tools/train.py'])
    with pytest.raises(DataError, match=r'what is released must count in a table: .*x: the code had changes'):
        make_zoo(repository)
    assert not (repository / 'model-index.yml').exists()


def test_a_record_that_cannot_be_read_is_not_released(repository):
    path = make_run(repository / 'docs' / 'runs' / 'x', STEM) / 'run.json'
    path.write_text(path.read_text()[:100])
    with pytest.raises(DataError, match=r'x: .*run\.json cannot be read'):
        make_zoo(repository)


def test_a_family_that_is_no_more_goes(repository):
    old = repository / metafile('VGG')
    old.parent.mkdir(parents=True)
    old.touch()
    make_zoo(repository)
    assert [path.parent.name for path in repository.glob('configs/zoo/*/*')] == ['resnet']


def test_a_new_family_needs_nothing_more(repository):
    path = repository / 'configs' / 'plainnet_imagenet.py'
    path.write_text(
        '# PlainNet.\n#\n#   tools/train.py configs/plainnet_imagenet.py\n#\n# Expected: no.\n# Paper:    none; own.\n'
        "_base_ = './resnet50_imagenet.py'\nmodel = dict(backbone=dict(_delete_=True, type='senet_mm.PlainNet'))\n"
    )
    assert Path('configs/zoo/plainnet/metafile.yml') in make_zoo(repository)
    model = models(repository)['plainnet_imagenet']
    assert model['In Collection'] == 'PlainNet'
    assert 'FLOPs' not in model['Metadata']  # until `make tables` has counted it


def test_a_config_without_a_command_is_named(repository):
    path = repository / 'configs' / 'new_imagenet.py'
    path.write_text("# New.\n_base_ = './resnet50_imagenet.py'\n")
    with pytest.raises(DataError, match=r'new_imagenet\.py: its header gives no command'):
        make_zoo(repository)


def test_a_data_set_that_the_zoo_does_not_know_is_named(repository):
    path = repository / 'configs' / 'resnet50_cars.py'
    shutil.copy(repository / 'configs' / 'resnet50_imagenet.py', path)
    message = (
        r"^configs/resnet50_cars\.py: its name ends in 'cars', which is no data set; there are imagenet, cifar10, .*, "
        r'demo: rename it, or add the data set to DATASETS in senet_mm/results/zoo\.py$'
    )
    with pytest.raises(DataError, match=message):
        make_zoo(repository)
    assert not (repository / 'model-index.yml').exists()
