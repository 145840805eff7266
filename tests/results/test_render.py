"""Tables byte for byte; RENEW_GOLDEN=1 writes them anew, to be read before they are committed."""

import csv
import io
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senet_mm.results.board import collect
from senet_mm.results.render import DOCUMENTS, STYLES, render
from tests.results.made_runs import data_of, make_run, make_runs

GOLDEN = Path(__file__).with_name('golden')
pytestmark = pytest.mark.usefixtures('made')


def compare(name, text):
    path = GOLDEN / name
    if os.environ.get('RENEW_GOLDEN'):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + '\n', encoding='utf-8')
    assert text + '\n' == path.read_text(encoding='utf-8')


def make_few(folder):
    """Faster R-CNN's first row whole, the second begun, and the demo's pair."""
    for seed in range(3):
        make_run(folder / 'r50' / f'seed_{seed}', 'faster_rcnn_r50_2x_coco', seed)
        make_run(folder / 'se_r50' / f'seed_{seed}', 'faster_rcnn_se_r50_2x_coco', seed)
    make_run(folder / 'r101', 'faster_rcnn_r101_2x_coco', 0)
    make_run(folder / 'faster_rcnn_se_r101_2x_coco', 'faster_rcnn_se_r101_2x_coco', 0, {}, status='running')
    for stem, ap in (('faster_rcnn_r50_demo', 0.382), ('faster_rcnn_se_r50_demo', 0.357)):
        data = dict(train=data_of('', 'train', official=False))
        make_run(folder / stem, stem, 0, {'coco/bbox_mAP': ap, 'coco/bbox_mAP_50': ap + 0.3}, data=data)


@pytest.mark.parametrize('style', STYLES)
def test_one_table_in_every_format(made, style):
    make_few(Path('work_dirs'))
    suffix = {'text': 'txt', 'latex': 'tex'}.get(style, style)
    compare(f'table_7.{suffix}', render(collect([Path('work_dirs')]), [7], style))


@pytest.mark.parametrize('style', ['text', 'md', 'html', 'latex', 'json'])
def test_what_is_shown_unasked(made, style):
    make_few(Path('work_dirs'))
    suffix = {'text': 'txt', 'latex': 'tex'}.get(style, style)
    compare(f'unasked.{suffix}', render(collect([Path('work_dirs')]), None, style))


def test_every_table_from_five_hundred_runs(made):
    make_runs(Path('work_dirs'))
    compare('five_hundred.txt', render(collect([Path('work_dirs')])))


def test_empty_tables(made):
    compare('empty.txt', render(collect([made]), range(2, 17)))


def test_csv_and_json_have_the_same_numbers(made):
    make_few(Path('work_dirs'))
    board = collect([Path('work_dirs')])
    lines = list(csv.DictReader(io.StringIO(render(board, [7, 10], 'csv'))))
    cells = [cell for table in json.loads(render(board, [7, 10], 'json'))['tables'] for cell in table['cells']]
    assert lines == [{key: '' if value is None else str(value) for key, value in cell.items()} for cell in cells]
    (ap,) = [cell for cell in cells if (cell['row'], cell['column']) == ('SE-ResNet-50', 'gain_ap')]
    assert (ap['paper'], ap['ours'], ap['n']) == (2.4, 2.5, 3)
    assert ap['sd'] == pytest.approx(0.3)  # gains 2.5, 2.2 and 2.8
    (begun,) = [cell for cell in cells if (cell['row'], cell['column']) == ('SE-ResNet-101', 'ap')]
    assert begun['ours'] is None
    assert begun['command'].startswith('tools/dist_train.sh configs/faster_rcnn_se_r101_2x_coco.py 8 --resume ')


class Tags(HTMLParser):
    """Whether all tags are closed in order, and which text there is."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ('br', 'meta'):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(text):
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert not tags.open
    return tags


def test_html_is_whole(made):
    make_few(Path('work_dirs'))
    tags = parsed(render(collect([Path('work_dirs')]), None, 'html'))
    assert '61.0 ± 0.1 (3)' in ' '.join(tags.text)


@given(st.text(st.characters(codec='utf-8', exclude_categories=['Cc', 'Cs'])))
def test_any_text_stays_text(text):
    assert ''.join(parsed(f'<p>{DOCUMENTS["html"].escape(text)}</p>').text) == text
    assert re.sub(r'\\(?=[\\|*`<[])', '', DOCUMENTS['md'].escape(text)) == text  # Markdown takes the rest as it is
    begun = r'[|*`]|<[a-z/!?]|\[(?!\d+\])'
    assert not re.search(begun, re.sub(r'\\.', '', DOCUMENTS['md'].escape(text)), re.IGNORECASE)
    latex = DOCUMENTS['latex'].escape(text)
    assert not latex.lstrip().startswith('[')
    for special in '&%#_':
        assert special not in latex.replace(f'\\{special}', '')


def test_signs_of_numbers_and_hyphens_in_latex():
    assert DOCUMENTS['latex'].escape('-2.5 ± 0.3, top-1, 1e-3') == r'$-$2.5 $\pm$ 0.3, top-1, 1e-3'


def test_a_note_is_no_label_in_latex(made):
    text = render(collect([made]), [5], 'latex')
    compare('table_5.tex', text)
    assert '\n\\item {}[1] 15.85 is Shake-Even' in text
    assert '& 15.85 [1] ' in text
    assert not re.search(r'\\(item|\\)\s*\[', text)


@pytest.mark.parametrize(
    ('text', 'escaped'),
    [
        ('[l](javascript:1)', r'\[l](javascript:1)'),
        ('![x](y)', r'!\[x](y)'),
        ('[1](javascript:1)', r'\[1](javascript:1)'),
        ('[1]: javascript:1', r'\[1]: javascript:1'),
        ('[a][1]', r'\[a][1]'),
        ('[ ] done', r'\[ ] done'),
        ('15.85 [1] [2]', '15.85 [1] [2]'),  # marks of notes
        ('[1] 15.85 is', '[1] 15.85 is'),
    ],
)
def test_no_name_is_a_link_in_markdown(text, escaped):
    assert DOCUMENTS['md'].escape(text) == escaped
    parser = pytest.importorskip('markdown_it').MarkdownIt()
    assert parser.render(f'- {escaped}\n\n[1]').count(f'<li>{text}</li>') == 1


def test_a_title_names_the_options_of_se(made):
    data = dict(train=data_of('', 'train', official=False))
    se = [dict(key='model.backbone.se.ratio', value=8, published=None)]
    make_run(made / 'plain', 'resnet50_demo', 0, {'accuracy/top1': 60.0}, data=data)
    make_run(made / 'se', 'resnet50_demo', 0, {'accuracy/top1': 62.5}, data=data, deviations=se)
    text = render(collect([made]), None, 'md')
    assert text.startswith('| resnet50_demo / resnet50_demo (se.ratio=8)   | plain   | SE    | difference   |')
    assert 'SE is better here: top-1 accuracy (%) +2.5 (one run each).' in text
    (pair,) = json.loads(render(collect([made]), None, 'json'))['pairs']
    assert (pair['plain'], pair['se']) == ('resnet50_demo', 'resnet50_demo (se.ratio=8)')


def test_commands_in_markdown_are_as_typed():
    assert DOCUMENTS['md'].code('a | b "$(cat <file>)"') == '`a | b "$(cat <file>)"`'


def test_a_gain_without_a_common_seed_is_marked(made):
    make_run(made / 'a', 'resnet50_imagenet', 0)
    make_run(made / 'b', 'se_resnet50_imagenet', 1)
    assert '+1.51, not paired' in render(collect([made]), [2])
