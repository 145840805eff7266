"""The table of counts beside the paper's figures."""

import csv
import json
from pathlib import Path

import pytest

from senet_mm.analysis.complexity import Complexity
from senet_mm.results import complexity
from senet_mm.results.complexity import ROUNDED, TOLERANCE, Row, count_configs, render, report

GOLDEN = Path(complexity.__file__).with_name('complexity.json')
COUNTS = ('parameters', 'se_parameters', 'macs', 'se_macs', 'se_elementwise')


def row(config='se_resnet50_imagenet', macs=3_860_488_192, **more):
    counts = dict(parameters=28_088_024, se_parameters=2_530_992, macs=macs, se_macs=2_514_944)
    return Row(config, 'whole', (224, 224), Complexity(**counts, se_elementwise=11_039_040), **more)


def test_text_shows_counts_shares_and_the_papers_figure():
    lines = render([row()], 'text').splitlines()
    expected = 'se_resnet50_imagenet 224x224 28.09 — — 3.860 3.87 -0.25% 2.531 9.01% 2.515 0.07% 11.039'
    assert ' '.join(lines[2].split()) == expected
    assert len(lines) == 3


def test_a_plain_network_and_a_detectors_backbone():
    plain = Row('faster_rcnn_r50_2x_coco', 'backbone', (1333, 800), Complexity(23_508_032, 0, 87_333_000_000))
    assert [cell.strip() for cell in render([plain], 'md').splitlines()[2].split('|')][1:-1] == [
        'faster_rcnn_r50_2x_coco: backbone', '1333x800', '23.51', '—', '—', '87.333', '—', '—', *'—————'
    ]  # fmt: skip


def test_csv_and_json_hold_the_same_exact_counts():
    (record,) = json.loads(render([row()], 'json'))
    assert record == dict(
        config='se_resnet50_imagenet',
        part='whole',
        input='224x224',
        parameters=28_088_024,
        se_parameters=2_530_992,
        macs=3_860_488_192,
        se_macs=2_514_944,
        se_elementwise=11_039_040,
        paper_parameters=None,
        parameters_difference=None,
        paper_macs=3_870_000_000,
        macs_difference=-0.25,
    )
    (line,) = csv.DictReader(render([row()], 'csv').splitlines())
    assert line == {key: '' if value is None else str(value) for key, value in record.items()}


def test_another_input_size_has_no_figure_in_the_paper():
    assert row(at_test_size=False).paper('macs') is None
    rows = count_configs([Path('configs/resnet50_imagenet.py')], (320, 320))
    assert [(found.input, found.paper('macs')) for found in rows] == [('320x320', None)]
    (same,) = count_configs([Path('configs/resnet50_imagenet.py')], (224, 224))
    assert same.difference('macs') == pytest.approx(-0.0525, abs=1e-4)


def test_a_row_off_by_more_than_the_tolerance_has_a_footnote(monkeypatch):
    monkeypatch.setitem(complexity.NOTES, 'resnet50_imagenet', 'Because.')
    rows = [row('resnet50_imagenet', 3_880_000_000), row('resnet50_imagenet', 3_857_973_248)]
    rows += [row('mobilenet_v1_imagenet', 568_740_352), row('resnet50_imagenet', 3_830_000_000)]
    text = render(rows, 'text')
    assert [part.split()[0] for part in text.split('%') if part.startswith(' [')] == ['[1]', '[1]']
    assert text.endswith('\n\n[1] Because.')
    rounded = Row('mobilenet_v1_imagenet', 'whole', (224, 224), Complexity(4_231_976, 0, 568_740_352))
    assert rounded.difference('parameters') == pytest.approx(0.76, abs=0.01)
    assert rounded.note('parameters') == ROUNDED
    assert rounded.note('macs') is None


def test_every_row_is_within_the_tolerance_or_explained():
    records = json.loads(GOLDEN.read_text(encoding='utf-8'))
    rows = [Row(line['config'], line['part'], (0, 0), Complexity(*map(line.get, COUNTS))) for line in records]
    compared = 0
    for found in rows:
        for count in ('parameters', 'macs'):
            difference = found.difference(count)
            compared += difference is not None
            assert difference is None or abs(difference) <= TOLERANCE or found.note(count), (found, difference)
    assert compared >= 10


def test_all_means_the_folders_configs(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(complexity, 'count_configs', lambda paths, size: seen.append((list(paths), size)) or [row()])
    report([], style='csv')
    ((paths, size),) = seen
    folders = {path.parent.name for path in paths}
    assert (folders, size) == ({'configs', 'ablation'}, None)  # neither the bases nor the demo's
    assert paths == sorted(paths)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(complexity.DataError, match='there is no config in'):
        report([])


def test_the_docs_have_the_golden_counts():
    rows = []
    for line in json.loads(GOLDEN.read_text(encoding='utf-8')):
        width, height = map(int, line['input'].split('x'))
        rows.append(
            Row(line['config'], line['part'], (width, height), Complexity(**{name: line[name] for name in COUNTS}))
        )
    docs = Path(__file__).parents[2] / 'docs' / 'complexity.md'
    assert docs.read_text(encoding='utf-8') == render(rows, 'md') + '\n', 'renew it: make tables'
