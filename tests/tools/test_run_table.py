"""tools/run_table.py as typed; what it does is tested in tests/results/."""

import pytest


def test_a_dry_run_of_a_table(run_tool, tmp_path):
    done = run_tool('tools/run_table.py', '6', '--seeds', '1', '--dry-run', '--work-dirs', tmp_path / 'runs')
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == '0 of 2 runs are there.'
    trained = [line for line in lines if line.startswith(('tools/train.py', 'tools/dist_train.sh'))]
    assert [line.split()[1] for line in trained] == [f'configs/{se}resnet152_places365.py' for se in ('', 'se_')]
    assert all(line.endswith('--cfg-options randomness.seed=1') for line in trained)
    assert not (tmp_path / 'runs').exists()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['17'], 'there is no table 17; there are 2, 3, 4, 5, '),
        (['6', '--gpus-per-run', '0'], '--gpus-per-run 0: give 1 or more'),
        (['6', '--launcher', 'slurm', '--slurm', 'account', '--dry-run'], '--slurm account: give KEY=VALUE'),
    ],
)
def test_mistakes_end_in_one_message(run_tool, arguments, message):
    done = run_tool('tools/run_table.py', *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert 'Traceback' not in done.stderr
