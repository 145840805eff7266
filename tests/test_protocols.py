"""docs/protocols.md is true to the repository: every config, test, option and crop that it names is there."""

import ast
import re
from pathlib import Path

import pytest

from senet_mm.engine.crops import EDGES, PROTOCOLS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / 'docs' / 'protocols.md').read_text(encoding='utf-8')
NAMED = sorted(set(re.findall(r'`([^`\n]+)`', PAGE)))
TESTS = [name for name in NAMED if re.fullmatch(r'[\w/]+\.py::\w+', name)]
FILES = sorted({name.split()[0] for name in NAMED if re.match(r'[\w/]+\.py( |$)', name)})
COMMANDS = re.findall(r'^(tools/.+)$', PAGE, re.MULTILINE) + [name for name in NAMED if name.startswith('tools/')]


def sections():
    """Title → the rows of its table, each a list of cells; the table of crops, which has other columns, is left out."""
    found = {}
    for section in PAGE.split('\n## ')[1:]:
        rows = [re.split(r' \| ', line.strip('| ')) for line in section.splitlines() if line.startswith('| ')]
        if rows and rows[0] == ['the protocol', 'set in', 'shown by']:
            found[section.partition('\n')[0]] = rows[2:]
    return found


def test_every_data_set_has_its_table():
    assert [title.split()[0].strip(':') for title in sections()] == ['ImageNet', 'CIFAR', 'Places365', 'COCO']


@pytest.mark.parametrize('row', [row for rows in sections().values() for row in rows], ids=lambda row: row[0][:40])
def test_every_line_names_the_test_that_shows_it_or_why_it_is_not_followed(row):
    _, _, shown = row
    assert any(f'`{test}`' in shown for test in TESTS) or shown.startswith('not followed: ')


@pytest.mark.parametrize('name', TESTS)
def test_the_tests_are_there(name):
    path, _, function = name.partition('::')
    module = ast.parse((ROOT / 'tests' / path).read_text(encoding='utf-8'))
    assert function in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize('name', FILES)
def test_the_files_are_there(name):
    folder = ROOT if name.startswith(('senet_mm/', 'tools/')) else ROOT / 'configs'
    assert (folder / name).is_file()


@pytest.mark.parametrize('command', COMMANDS)
def test_the_commands_have_these_options(command):
    tool, *words = command.split()
    source = (ROOT / tool).read_text() + (ROOT / 'senet_mm' / 'engine' / 'command.py').read_text()
    source += (ROOT / 'senet_mm' / 'engine' / 'run.py').read_text()
    assert all(f"'{word}'" in source for word in words if word.startswith('--'))


def test_the_crops_are_all_there_are():
    table = PAGE.split('\n## Crops')[1].split('\n## ')[0]
    assert {name for name in re.findall(r'`([a-z0-9-]+)`', table) if name[0] != '-'} == set(PROTOCOLS)
    assert f'shorter side is {", ".join(map(str, EDGES.values()))} |' in table
