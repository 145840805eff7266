"""The networks as OpenMMLab's tools list them: model-index.yml, a metafile.yml for each family, configs/README.md.

All of it comes from the configs, their headers, the counts in complexity.json and runs that were released: records that
count in a table, below docs/runs/, each with the address of its weights in a file `weights.url` if they are anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from senet_mm.data.errors import DataError
from senet_mm.data.files.whole_file import whole_file
from senet_mm.results.aggregate import Aggregate, aggregate
from senet_mm.results.comparison import judge
from senet_mm.results.layouts import METRICS
from senet_mm.results.paper import counts
from senet_mm.results.runs import find_runs, plain_name
from senet_mm.results.table import DASH
from senet_mm.results.tables import values

RELEASED = Path('docs/runs')
WEIGHTS = 'weights.url'
METAFILES = Path('configs/zoo')
NOTICE = 'Written by tools/make_zoo.py (make tables): a change here is lost.'
SENET = 'https://arxiv.org/abs/1709.01507'


@dataclass(frozen=True)
class Dataset:
    """A data set: its name in the ecosystem, the task, and our metrics with the ecosystem's names."""

    name: str
    task: str
    metrics: Mapping[str, str]


_TOP = {'top1_err': 'Top 1 Accuracy', 'top5_err': 'Top 5 Accuracy'}
DATASETS = {
    'imagenet': Dataset('ImageNet-1k', 'Image Classification', _TOP),
    'cifar10': Dataset('CIFAR-10', 'Image Classification', {'top1_err': 'Top 1 Accuracy'}),
    'cifar100': Dataset('CIFAR-100', 'Image Classification', {'top1_err': 'Top 1 Accuracy'}),
    'places365': Dataset('Places365-Challenge', 'Image Classification', _TOP),
    'coco': Dataset('COCO', 'Object Detection', {'ap': 'box AP', 'ap50': 'box AP50'}),
    'demo': Dataset('the demo’s pictures', '', {}),
}
# Type of the detector, or of the classifier's backbone → the family's name, its paper and the paper's number at arXiv.
FAMILIES = {
    'ResNet': ('ResNet', 'Deep Residual Learning for Image Recognition', '1512.03385'),
    'ResNeXt': ('ResNeXt', 'Aggregated Residual Transformations for Deep Neural Networks', '1611.05431'),
    'VGG': ('VGG', 'Very Deep Convolutional Networks for Large-Scale Image Recognition', '1409.1556'),
    'BNInception': (
        'BN-Inception',
        'Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift',
        '1502.03167',
    ),
    'InceptionResNetV2': (
        'Inception-ResNet-v2',
        'Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning',
        '1602.07261',
    ),
    'MobileNetV1': (
        'MobileNet',
        'MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications',
        '1704.04861',
    ),
    'ShuffleNetV1': (
        'ShuffleNet',
        'ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices',
        '1707.01083',
    ),
    'DenseNet': ('DenseNet', 'Densely Connected Convolutional Networks', '1608.06993'),
    'PreActResNet': ('Pre-activation ResNet', 'Identity Mappings in Deep Residual Networks', '1603.05027'),
    'WideResNet': ('Wide ResNet', 'Wide Residual Networks', '1605.07146'),
    'ShakeResNet': ('Shake-Shake', 'Shake-Shake regularization', '1705.07485'),
    'ConvNeXt': ('ConvNeXt', 'A ConvNet for the 2020s', '2201.03545'),
    'RegNet': ('RegNet', 'Designing Network Design Spaces', '2003.13678'),
    'FasterRCNN': (
        'Faster R-CNN',
        'Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks',
        '1506.01497',
    ),
    'RetinaNet': ('RetinaNet', 'Focal Loss for Dense Object Detection', '1708.02002'),
}


@dataclass(frozen=True)
class Entry:
    """A config and what is known of it.

    Attributes:
        path: From the root of the repository.
        commands: That its header gives.
        paper: What its header says of the paper's number.
        family: A key of FAMILIES, or the type of a network that is not among them.
        recipe: Epochs or Iterations, and Batch Size.
        ours: Metric → what the released runs measured.
        weights: Where weights can be had.
    """

    path: Path
    commands: tuple[str, ...]
    paper: str
    family: str
    recipe: Mapping[str, int]
    ours: Mapping[str, Aggregate] = field(default_factory=dict)
    weights: str | None = None

    @property
    def dataset(self) -> Dataset:
        """What it is trained on, by the end of its name.

        Raises:
            DataError: That is none of DATASETS.
        """
        suffix = self.path.stem.rpartition('_')[2]
        if suffix not in DATASETS:
            raise DataError(
                f'{self.path}: its name ends in {suffix!r}, which is no data set; there are {", ".join(DATASETS)}: '
                'rename it, or add the data set to DATASETS in senet_mm/results/zoo.py'
            )
        return DATASETS[suffix]

    def model(self) -> dict[str, Any]:
        """Its part of a metafile."""
        counted, dataset = counts().get(self.path.stem), self.dataset
        model: dict[str, Any] = {'Name': self.path.stem, 'In Collection': family_name(self.family)}
        metadata: dict[str, Any] = {'Training Data': dataset.name, **self.recipe}
        if counted:
            metadata |= {'FLOPs': counted['macs'], 'Parameters': counted['parameters']}
        if not self.paper.startswith('none'):
            metadata['In The Paper'] = self.paper
        model['Metadata'] = metadata
        if plain_name(self.path.stem) or self.path.stem.startswith('senet'):
            model['Paper'] = SENET
        if self.ours:
            measured = {dataset.metrics[name]: _in_per_cent(name, result) for name, result in self.ours.items()}
            model['Results'] = [{'Task': dataset.task, 'Dataset': dataset.name, 'Metrics': measured}]
        model['Config'] = self.path.as_posix()
        return model | ({'Weights': self.weights} if self.weights else {})

    def row(self) -> str:
        """Its line of configs/README.md."""
        link = f'[{self.path.stem}]({self.path.relative_to("configs").as_posix()})'
        command = '<br>'.join(f'`{command}`' for command in self.commands)
        ours = [f'{METRICS[name].heading} {result.text(METRICS[name].digits)}' for name, result in self.ours.items()]
        weights = f'[weights]({self.weights})' if self.weights else DASH
        cells = (link, command, self.paper, ', '.join(ours) or DASH, weights)
        return f'| {" | ".join(cell.replace("|", "&#124;") for cell in cells)} |'


def make_zoo(root: Path, released: Path = RELEASED) -> list[Path]:
    """Write all of it, and remove metafiles of families that are no more.

    Args:
        root: The repository.
        released: Folder of the runs that were released; there may be none.

    Returns:
        The files, the index first.

    Raises:
        DataError: A config lacks its header or a data set in its name, or a released run cannot count.
    """
    entries = find_entries(root, root / released)
    files = {Path('model-index.yml'): _index(entries), Path('configs/README.md'): _readme(entries)}
    for family in sorted({entry.family for entry in _benchmarks(entries)}):
        files[metafile(family)] = _metafile(family, [entry for entry in _benchmarks(entries) if entry.family == family])
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(root / path) as part:
            part.write_text(content, encoding='utf-8')
    for path in (root / METAFILES).glob('*/metafile.yml'):
        if path.relative_to(root) not in files:
            path.unlink()
            path.parent.rmdir()
    return list(files)


def find_entries(root: Path, released: Path) -> list[Entry]:
    """All configs that can be run, by path, with what the released runs measured.

    Raises:
        DataError: See make_zoo.
    """
    paths = sorted(path for path in (root / 'configs').rglob('*.py') if '_base_' not in path.parts)
    results, weights = _released(released)
    return [_entry(root, path, results.get(path.stem, {}), weights.get(path.stem)) for path in paths]


def _entry(root: Path, path: Path, ours: Mapping[str, Aggregate], weights: str | None) -> Entry:
    from mmengine.config import Config

    header = path.read_text(encoding='utf-8').split('_base_')[0]
    commands = re.findall(r'^#   ((?:tools/|make )\S+.*)$', header, re.MULTILINE)
    paper = re.search(r'^# Paper: +((?:.+\n)(?:#           .+\n)*)', header, re.MULTILINE)
    if not commands:
        raise DataError(f'{path}: its header gives no command')
    cfg = Config.fromfile(path)
    return Entry(
        path=path.relative_to(root),
        commands=tuple(commands),
        paper=' '.join(line.strip('# ') for line in paper.group(1).splitlines()).rstrip('.') if paper else 'none',
        family=_family(cfg.model),
        recipe=_recipe(cfg),
        ours=ours,
        weights=weights,
    )


def _family(model: Mapping[str, Any]) -> str:
    """The type that names a network: a detector's own, else the backbone's, of which SE may only be a part."""
    backbone = model['backbone']
    kind = backbone['type'] if model['type'] == 'ImageClassifier' else model['type']
    if kind.endswith('WithSE'):
        kind = backbone['model']['type']
    return str(kind).rpartition('.')[2]


def _recipe(cfg: Mapping[str, Any]) -> dict[str, int]:
    loop = cfg.get('train_cfg') or {}
    recipe = {'Epochs': loop.get('max_epochs'), 'Iterations': loop.get('max_iters')}
    recipe['Batch Size'] = (cfg.get('auto_scale_lr') or {}).get('base_batch_size')
    return {name: value for name, value in recipe.items() if value} if cfg.get('train_dataloader') else {}


def _released(folder: Path) -> tuple[dict[str, dict[str, Aggregate]], dict[str, str]]:
    """Config stem → metric → what was measured; config stem → where its weights are."""
    if not folder.is_dir():
        return {}, {}
    runs, broken = find_runs([folder])
    verdicts = judge(runs)
    readable = {run.folder for run in runs}  # that logs are missing does not matter here
    refused = [f'{item.path}: {item.reason}' for item in broken if item.path not in readable]
    refused += [f'{run.folder}: {"; ".join(reasons)}' for run, reasons in verdicts.apart]
    if refused:
        raise DataError(f'what is released must count in a table: {"; ".join(refused)}')
    results: dict[str, dict[str, Aggregate]] = {}
    weights: dict[str, str] = {}
    tests = {slot: seeds for slot, seeds in verdicts.counted.items() if slot[1] is None}
    tests |= {slot: dict(enumerate(found[-1:])) for slot, found in verdicts.converted.items() if slot[1] is None}
    for (stem, _), seeds in tests.items():
        measured = {name: aggregate(values(seeds, name)) for name in DATASETS[stem.rpartition('_')[2]].metrics}
        results[stem] = {name: result for name, result in measured.items() if result}
        for run, _test in seeds.values():
            if (run.folder / WEIGHTS).is_file():
                weights.setdefault(stem, (run.folder / WEIGHTS).read_text(encoding='utf-8').strip())
    return results, weights


def _in_per_cent(name: str, result: Aggregate) -> float:
    """As the ecosystem has it: accuracies, not errors."""
    metric = METRICS[name]
    return round(result.mean if metric.higher_is_better else 100 - result.mean, metric.digits)


def family_name(family: str) -> str:
    """As it is written; of a network that is not among FAMILIES, its type."""
    return FAMILIES[family][0] if family in FAMILIES else family


def metafile(family: str) -> Path:
    """Where a family's metafile is."""
    return METAFILES / re.sub(r'\W+', '_', family_name(family).lower().replace('-cnn', 'cnn')) / 'metafile.yml'


def _benchmarks(entries: Iterable[Entry]) -> list[Entry]:
    """What the ecosystem is told of: all but the demo's."""
    return [entry for entry in entries if entry.dataset is not DATASETS['demo']]


def _index(entries: Sequence[Entry]) -> str:
    families = sorted({entry.family for entry in _benchmarks(entries)}, key=metafile)
    return _yaml({'Import': [metafile(family).as_posix() for family in families]})


def _metafile(family: str, entries: Sequence[Entry]) -> str:
    collection: dict[str, Any] = {'Name': family_name(family)}
    collection['Metadata'] = {'Architecture': [family_name(family), 'Squeeze-and-Excitation']}
    if family in FAMILIES:
        _, title, number = FAMILIES[family]
        collection['Paper'] = dict(Title=title, URL=f'https://arxiv.org/abs/{number}')
    collection['README'] = '../../README.md'  # from where the metafile is
    return _yaml({'Collections': [collection], 'Models': [entry.model() for entry in entries]})


def _yaml(content: Mapping[str, Any]) -> str:
    return f'# {NOTICE}\n' + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def _readme(entries: Sequence[Entry]) -> str:
    lines = [f'<!-- {NOTICE} -->', '# configs/', '']
    lines += [
        'Every config that can be run: the command, the paper’s number, ours. Ours is the mean over seeds ± standard '
        'deviation (how many); — says that no run was released yet. Counts of parameters and operations: '
        '[docs/complexity.md](../docs/complexity.md). All runs that a table lacks: `tools/run_table.py TABLE`.'
    ]
    for dataset in DATASETS.values():
        for title, chosen in _sections(dataset, [entry for entry in entries if entry.dataset is dataset]).items():
            lines += ['', f'## {title}', '', '| config | command | paper | ours | checkpoint |']
            lines += ['| --- | --- | --- | --- | --- |', *(entry.row() for entry in chosen)]
    return '\n'.join(lines) + '\n'


def _sections(dataset: Dataset, entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """The entries of a data set, the ablations apart; plain before SE."""
    sections: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: (plain_name(entry.path.stem) or entry.path.stem, entry.path.stem)):
        ablation = ': ablations (Tables 10–16)' if entry.path.parent.name == 'ablation' else ''
        sections.setdefault(f'{dataset.name[0].upper()}{dataset.name[1:]}{ablation}', []).append(entry)
    return sections
