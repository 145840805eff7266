"""The page as a parser reads it: the board's numbers, nothing to load, and nothing that runs but our scripts."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from senet_mm.data.errors import DataError
from senet_mm.results.board import collect
from senet_mm.results.page import render_page, write_page
from senet_mm.results.table import DASH
from tests.results.made_runs import make_run, make_runs

HOSTILE = '<script>alert(1)</script>"\'><img src=x onerror=alert(2)>'
LARGEST = 6_000_000  # bytes of the page of 500 runs


class Page(HTMLParser):
    """Tables as rows of cell texts, scripts, and everything that refers to somewhere."""

    VOID = ('meta', 'link', 'input', 'img', 'br', 'hr', 'wbr')

    def __init__(self, text):
        super().__init__()
        self.open, self.tables, self.scripts, self.references, self.ids, self.tags = [], [], [], [], [], []
        self.style = self.policy = ''
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.ids += [attrs['id']] if 'id' in attrs else []
        self.references += [attrs[name] for name in ('src', 'href', 'action', 'data', 'srcset') if name in attrs]
        if attrs.get('http-equiv') == 'Content-Security-Policy':
            self.policy = attrs['content']
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == 'table':
            self.tables.append([])
        elif tag == 'tbody':
            self.tables[-1].append([])
        elif tag == 'tr' and 'tbody' in self.open:
            self.tables[-1][-1].append([])
        elif tag in ('td', 'th') and 'tbody' in self.open:
            self.tables[-1][-1][-1].append('')
        elif tag == 'script':
            self.scripts.append((attrs, []))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f'{tag} at {self.getpos()} closes what is not open'

    def handle_data(self, data):
        if self.open and self.open[-1] == 'script':
            self.scripts[-1][1].append(data)
        elif self.open and self.open[-1] == 'style':
            self.style += data
        elif {'td', 'th'} & set(self.open) and 'tbody' in self.open and 'sup' not in self.open:
            self.tables[-1][-1][-1][-1] += data

    def data(self):
        (text,) = (''.join(parts) for attrs, parts in self.scripts if attrs.get('id') == 'data')
        return json.loads(text)

    def rows(self, text):
        """The rows of all tables in which a cell has this text."""
        return [row for table in self.tables for body in table for row in body if any(text in cell for cell in row)]


@pytest.fixture(scope='module')
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp('many')
    make_runs(folder, 500)
    board = collect([folder])
    return board, render_page(board)


@pytest.fixture(scope='module')
def page(many):
    return Page(many[1])


def same(text, value, digits, sign=False):
    """Whether a cell shows a number, an empty one none."""
    if value is None:
        return text.strip() in ('', DASH)
    number = text.split()[0]
    return abs(float(number) - value) <= 0.500001 * 10**-digits and (number[0] in '+-' or not sign or not float(number))


def test_the_papers_tables_are_the_boards(many, page):
    board, _ = many
    shown = page.tables[1:16]  # the first one has the pairs
    assert len(board.tables) == len(shown) == 15
    checked = 0
    for table, bodies in zip(board.tables, shown, strict=True):
        assert [body[0][0] for body in bodies] == [row.label for row in table.rows]
        for row, body in zip(table.rows, bodies, strict=True):
            lines = {line[-len(row.cells) - 1]: line[-len(row.cells) :] for line in body}
            for index, (cell, column) in enumerate(zip(row.cells, table.columns, strict=True)):
                assert same(lines['paper'][index], cell.paper, column.digits)
                if 'ours' in lines:
                    ours = cell.ours
                    assert same(lines['ours'][index], ours and ours.mean, column.digits, column.signed)
                    assert cell.ours is not None or (DASH in lines['ours'][index]) == cell.applies
                    if ours and ours.sd is not None:
                        assert f'± {ours.sd:.{column.digits}f} ({ours.n})' in lines['ours'][index]
                    assert ('p ' in lines['ours'][index]) == (cell.p_value is not None)
                if 'difference' in lines:
                    assert same(lines['difference'][index], cell.difference, column.digits, sign=True)
                checked += 1
    assert checked > 500


def test_what_would_fill_a_table_is_there(many):
    board, text = many
    unescaped = text.replace('&#34;', '"').replace('&amp;', '&').replace('&lt;', '<').replace('&gt;', '>')
    commands = [command for table in board.tables for command in table.commands()]
    assert commands
    assert all(command in unescaped for command in commands)


def test_what_is_to_be_said_about_a_table_is_there(many):
    board, text = many
    assert all(remark in text for table in board.tables for remark in table.remarks)


def test_every_run_is_listed_where_it_belongs(many, page):
    board, _ = many
    *_, counted, apart, broken = page.tables
    assert len(counted[0]) + len(apart[0]) == len(board.runs) > 450
    assert {row[0] for row in broken[0]} == {str(item.path.relative_to(board.folders[0])) for item in board.broken}
    shown = {row[0]: row[-1] for row in apart[0]}
    assert len(shown) == len(board.apart) > 15
    for run, reasons in board.apart:
        assert shown[f'{run.name}{run.folder.relative_to(board.folders[0])}'] == ''.join(reasons)


def test_pairs_are_those_of_the_tables_and_the_others(many, page):
    board, _ = many
    rows = {row[0]: row for row in page.tables[0][0]}
    table7 = next(table for table in board.tables if table.number == 7)
    gain = {row.stems['own']: row.cells for row in table7.rows if 'plain' in row.stems}
    keys = [column.key for column in table7.columns]
    for name, cells in gain.items():
        expected = cells[keys.index('gain_ap')].ours
        assert rows[name][4].split(' (')[0] == f'+{expected.mean:.1f} ± {expected.sd:.1f}'
        assert rows[name][5] == 'Table 7'
    assert rows['faster_rcnn_se_r50_demo'][2:] == ['38.7 ± 0.7 (2)', '36.2 ± 0.7 (2)', '-2.5 ± 0.0 (2)', DASH]


def test_a_later_test_that_does_not_count_changes_no_pair(tmp_path):
    changed = [dict(key='tta', value=True, published=False)]
    mirrored = dict(tta=True, metrics={'accuracy/top1': 99.0}, deviations=changed)
    make_run(tmp_path / 'plain', 'resnet50_imagenet')
    make_run(tmp_path / 'se', 'se_resnet50_imagenet', tests=[{}, mirrored])
    page = Page(render_page(collect([tmp_path])))
    assert page.tables[0][0][0][:5] == ['se_resnet50_imagenet', 'top-1 accuracy (%)', '75.1', '76.7', '+1.6']


def test_plain_runs_beside_several_choices_of_se(tmp_path):
    ratio = [dict(key='model.backbone.se.ratio', value=8, published=None)]
    for name, stem, top1, deviations in (
        ('plain', 'resnet50_demo', 60.0, []),
        ('with', 'resnet50_demo', 63.0, ratio),
        ('se', 'se_resnet50_demo', 61.0, []),
    ):
        make_run(tmp_path / name, stem, 0, {'accuracy/top1': top1}, deviations=deviations)
    page = Page(render_page(collect([tmp_path])))
    assert [row[:1] + row[2:5] for row in page.tables[0][0]] == [
        ['resnet50_demo (se.ratio=8)', '60.0', '63.0', '+3.0'],
        ['se_resnet50_demo', '60.0', '61.0', '+1.0'],
    ]
    points = [point for point in page.data()['points'] if point['source'] == 'ours']
    assert [(point['stem'], point['kind'], point['pair'], point['apart'], point['value']) for point in points] == [
        ('resnet50_demo', 'plain', 'resnet50_demo', '0', 40.0),  # the error, once
        ('resnet50_demo (se.ratio=8)', 'SE', 'resnet50_demo', '0', 37.0),
        ('se_resnet50_demo', 'SE', 'resnet50_demo', '0', 39.0),
    ]


def test_data_for_the_script(many, page):
    board, _ = many
    data = page.data()
    assert [(run['name'], run['seed'], run['metrics']) for run in data['runs']] == [
        (run.name, run.seed, run.metrics) for run in board.runs
    ]
    for shown, run in zip(data['runs'], board.runs, strict=True):
        assert {data['pool'][index][0]: data['pool'][index][1] for index in shown['settings']} == dict(run.settings)
        assert (shown['curves'] is None) == (not run.logs)
        for key, index in shown['record'].items():
            assert data['pool'][index] == run.details[key]
    for pair in data['pairs']:
        plain, se = (data['runs'][pair[side][0]]['name'] for side in ('plain', 'se'))
        assert ('se_' in plain, 'se_' in se) == (False, True)


def test_points_of_the_scatter_plot(page):
    points = {
        (point['stem'], point['source'], point['metric']): point
        for point in page.data()['points']
        if point['group'] == 'ImageNet'
    }
    paper, ours = (points['se_resnet50_imagenet', source, 'top1_err'] for source in ('paper', 'ours'))
    assert paper['value'] == 23.29
    assert ours['value'] == pytest.approx(23.29, abs=0.1)  # made from it, with a zero-mean offset a seed
    assert (ours['parameters'], ours['macs']) == (pytest.approx(28.09, abs=0.01), pytest.approx(3.86, abs=0.01))
    assert (ours['kind'], ours['pair']) == ('SE', 'resnet50_imagenet')
    assert points['resnet50_imagenet', 'ours', 'top1_err']['kind'] == 'plain'


def test_latency_is_that_of_the_last_plain_test(tmp_path):
    gpu, cpu = (dict(gpus=gpus, cpu='a processor', processes=1) for gpus in (['a GPU'], []))
    slow, fast = (dict(ms_per_image=time, batch=32) for time in (2.0, 1.5))
    tests = [dict(latency=slow), dict(latency=fast, hardware=gpu), dict(latency=slow, tta=True, hardware=cpu)]
    make_run(tmp_path / 'a', 'resnet50_demo', 0, {'accuracy/top1': 50.0}, tests=tests[:2])
    make_run(tmp_path / 'b', 'resnet50_demo', 1, {'accuracy/top1': 50.0}, tests=[dict(latency=slow, hardware=cpu)])
    make_run(tmp_path / 'c', 'se_resnet50_demo', 0, {'accuracy/top1': 50.0}, tests=tests)
    runs = collect([tmp_path]).runs
    assert [run.latency for run in runs] == [1.5, 2.0, 1.5]
    data = Page(render_page(collect([tmp_path]))).data()
    plain = next(point for point in data['points'] if point['stem'] == 'resnet50_demo')
    assert (plain['latency'], plain['on'], plain['speed']) == (1.75, 'a GPU, a processor', None)


def test_size_with_500_runs(many):
    assert len(many[1].encode()) < LARGEST


def test_nothing_is_loaded(page):
    assert {reference[0] for reference in page.references if reference != 'data:,'} == {'#'}
    assert 'url(' not in page.style
    assert '@import' not in page.style
    assert "default-src 'none'" in page.policy
    run = [''.join(parts) for attrs, parts in page.scripts if attrs.get('type') != 'application/json']
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in run]
    assert re.findall(r"'sha256-([^']+)'", page.policy) == hashes
    assert "'unsafe-eval'" not in page.policy


def test_what_a_reader_without_eyes_needs(page):
    assert len(page.ids) == len(set(page.ids))
    assert {target[1:] for target in page.references if target.startswith('#')} <= set(page.ids)
    labelled = [attrs['aria-labelledby'] for _, attrs in page.tags if 'aria-labelledby' in attrs]
    assert set(labelled) <= set(page.ids)
    tables = [tag for tag, _ in page.tags].count('table')
    assert [tag for tag, _ in page.tags].count('caption') == tables
    assert all('scope' in attrs for tag, attrs in page.tags if tag == 'th')
    assert ('html', {'lang': 'en'}) in page.tags


def test_hostile_names_stay_text(tmp_path):
    names = [HOSTILE, f'se_{HOSTILE}']
    for number, name in enumerate(names):
        settings = {HOSTILE: HOSTILE, 'a': '</script><script>alert(3)</script>', 'b': '\u2028<!--'}
        folder = tmp_path / '<b onclick=alert(4)>' / str(number)
        make_run(folder, name, 0, {'accuracy/top1': 50.0 + number}, settings=settings, error=HOSTILE)
    (tmp_path / '<i>broken').mkdir()
    (tmp_path / '<i>broken' / 'metrics.json').write_text('{<script>')
    page = Page(render_page(collect([tmp_path])))
    assert len(page.scripts) == 3  # the data, Vega, ours
    assert not [
        tag for tag, attrs in page.tags if tag in ('img', 'b', 'i') or any(name.startswith('on') for name in attrs)
    ]
    assert page.rows(HOSTILE)
    assert page.rows('<i>broken')
    runs = page.data()['runs']
    assert {run['name'] for run in runs} == set(names)
    assert page.data()['pool'][runs[0]['settings'][0]] == [HOSTILE, HOSTILE]


def test_settings_that_json_has_no_numbers_for(tmp_path):
    make_run(tmp_path / 'run', 'resnet20_demo', 0, {'accuracy/top1': 50.0}, settings={'clip': float('inf')})
    page = Page(render_page(collect([tmp_path])))
    assert ['clip', 'Infinity'] in page.data()['pool']


def test_no_run_at_all(tmp_path):
    page = Page(render_page(collect([tmp_path])))
    assert len(page.tables) == 15
    assert page.data()['runs'] == []


def test_the_file_is_written_whole_or_not_at_all(tmp_path):
    board = collect([tmp_path])
    write_page(board, tmp_path / 'new' / 'page.html')
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['page.html']
    assert (tmp_path / 'new' / 'page.html').read_text(encoding='utf-8') == render_page(board)
    (tmp_path / 'folder').mkdir()
    with pytest.raises(DataError, match='folder could not be written'):
        write_page(board, tmp_path / 'folder')
    assert {path.name for path in tmp_path.iterdir()} == {'new', 'folder'}
