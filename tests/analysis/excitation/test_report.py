"""What is refused, and what stays in the folder."""

from argparse import Namespace

import pytest

from senet_mm.analysis.excitation.report import report
from senet_mm.analysis.excitation.statistics import Excitation, Recorder
from senet_mm.data.errors import DataError
from tests.analysis.gated import CLASSES, Gated, batches, noise


def options(**changes):
    return Namespace(**dict(classes=None, within=None, blocks=None, width='single') | changes)


def recorded(**more):
    recorder = Recorder(Gated(), range(CLASSES))
    recorder.record(batches(*noise(), 10))
    return Excitation(tuple('abcd'), tuple(range(CLASSES)), recorder.blocks, **more)


def test_costs_of_another_recording_do_not_stay(tmp_path):
    ablation = dict(metric='AP', whole=30.0, blocks=dict(first_se=29.0, second_se=30.5), none=28.0, closed=30.0)
    said = report(recorded(ablation=ablation), options(), tmp_path)
    assert 'AP: 30.00%, without any SE block 28.00%, without the closed channels 30.00%' in said
    rows = [line.split() for line in said.splitlines() if '_se ' in line]
    assert [(row[0], *row[-2:]) for row in rows] == [('first_se', '+1.00', '1'), ('second_se', '-0.50', '2')]
    assert (tmp_path / 'ablation.csv').read_text().splitlines() == [
        'removed,metric,value,points_lost',
        'first_se,AP (%),29.0,1.0',
        'second_se,AP (%),30.5,-0.5',
        'all SE blocks,AP (%),28.0,2.0',
        'closed channels,AP (%),30.0,0.0',
    ]
    assert str(tmp_path / 'ablation.csv') in said
    assert 'ablation.csv' not in report(recorded(), options(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f'{stem}{suffix}' for stem in ('classes', 'within', 'depth') for suffix in ('.png', '.svg', '.csv')
    }


@pytest.mark.parametrize('content', [b'block,cost\nSE_2_1,3\n', b'removed,metric\n', b'\xff\xfe', b''])
def test_somebody_elses_file_stays(tmp_path, content):
    (tmp_path / 'ablation.csv').write_bytes(content)
    report(recorded(), options(), tmp_path)
    assert (tmp_path / 'ablation.csv').read_bytes() == content


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(classes=list('abcdabcd')), '--classes: 8 classes; in one figure 7 can be told apart'),
        (dict(within=list('abcdabcd')), '--within: 8 classes'),
        (dict(blocks=['first_se', 'SE_2_3']), "--blocks: 'SE_2_3' is none of first_se, second_se"),
        (dict(classes=['e'], within=['f']), "^--classes: no image is of class 'e'; nearest: "),
        (dict(classes=['a'], within=['e']), "^--within: no image is of class 'e'; nearest: "),
        (dict(classes=['e']), "^--classes: no image is of class 'e'"),
    ],
)
def test_what_cannot_be_drawn_is_said_before_anything_is_written(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        report(recorded(), options(**changes), tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
