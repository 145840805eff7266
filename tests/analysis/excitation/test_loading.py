"""The same statistics from any batch size, number of workers and processes."""

import numpy as np
import pytest

from senet_mm.analysis.excitation.statistics import Excitation
from tests.analysis.recorded import IMAGES, record


def check_same(found, expected):
    for name, block in expected.blocks.items():
        other = found.blocks[name]
        assert other.count.sum() == IMAGES
        np.testing.assert_array_equal(other.count, block.count)
        np.testing.assert_array_equal(other.histogram, block.histogram)
        np.testing.assert_allclose(other.mean, block.mean, rtol=1e-13)
        np.testing.assert_allclose(other.variance, block.variance, rtol=1e-10)


@pytest.fixture(name='expected', scope='module')
def _expected(demo):
    return record(demo)


@pytest.mark.parametrize('options', [dict(batch_size=1), dict(batch_size=19), dict(batch_size=5, workers=2)])
def test_batches_and_workers_do_not_matter(demo, expected, options):
    assert expected.blocks['second_se'].variance[0].min() > 1e-6
    check_same(record(demo, **options), expected)


@pytest.mark.slow
def test_two_processes_record_what_one_does_and_no_image_twice(run_tool, demo, expected, tmp_path):
    launcher = ('-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_port=29527')
    result = run_tool(*launcher, '-m', 'tests.analysis.recorded', demo, tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    for rank in (0, 1):
        check_same(Excitation.load(tmp_path / f'{rank}.npz'), expected)
