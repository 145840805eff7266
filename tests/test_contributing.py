"""The example of a new family in CONTRIBUTING.md is run: it keeps what every backbone promises."""

import re
from pathlib import Path

import pytest

from tests.models import contract

# The example leaves checkpointing (with_cp) to the reader.
CHECKS = [check for check in contract.CHECKS if 'checkpointing' not in check.__name__]


@pytest.fixture(scope='module')
def family():
    from senet_mm.registry import MODELS

    text = (Path(__file__).parents[1] / 'CONTRIBUTING.md').read_text(encoding='utf-8')
    (example,) = re.findall(r'```python\n(.*?)```', text, re.DOTALL)
    namespace = {'__name__': 'senet_mm.models.plain_net'}
    exec(example, namespace)
    yield namespace['SEPlainNet']
    for name in ('PlainNet', 'SEPlainNet'):
        del MODELS.module_dict[name]


@pytest.mark.parametrize('check', CHECKS, ids=lambda check: check.__name__)
def test_the_example_family_keeps_the_contract(check, family):
    check(family, size=(64, 96))
