"""Which failures are worth another try."""

import pytest

from senet_mm.campaigns.faults import classify

TORCHRUN = """\
W1120 14:00:00.000 7 torch/distributed/run.py:774] Setting OMP_NUM_THREADS to 1
{message}
E1120 14:00:01.000 7 torch/distributed/elastic/multiprocessing/api.py:874] failed (exitcode: {code}) local_rank: 0
Traceback (most recent call last):
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
tools/train.py FAILED
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  exitcode  : {code} (pid: 9)
  traceback : {traceback}
============================================================
"""
BY_ITSELF = 'To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html'


@pytest.mark.parametrize(
    ('code', 'log', 'reason'),
    [
        (-9, '', 'it was ended by SIGKILL'),
        (-15, 'epoch 3', 'it was ended by SIGTERM'),
        (137, '', 'it was ended by SIGKILL'),
        (-7, '', 'it was ended by SIGBUS'),
        (1, 'RuntimeError: NCCL error in: x.cpp:1', 'NCCL: RuntimeError: NCCL error in: x.cpp:1'),
        (
            1,
            'a\nRuntimeError: CUDA error: unspecified launch failure\nb',
            'CUDA: RuntimeError: CUDA error: unspecified',
        ),
        (1, 'torch.AcceleratorError: CUDA error: an illegal memory access was encountered', 'CUDA: torch.Acc'),
        (1, 'RuntimeError: DataLoader worker (pid 12) is killed by signal: Bus error. ', 'a data loader’s worker died'),
        (1, 'OSError: [Errno 116] Stale file handle', 'the file system: OSError'),
        (1, 'RuntimeError: [Gloo] Connection closed by peer [10.0.0.1]:41234', 'the network: RuntimeError'),
        (1, 'DistNetworkError: failed to listen: EADDRINUSE, address already in use', 'the network'),
        (
            1,
            TORCHRUN.format(message='', code=-11, traceback='Signal 11 (SIGSEGV) received by PID 9'),
            'a process was kill',
        ),
    ],
)
def test_the_machine_is_to_blame(code, log, reason):
    fault = classify(code, log)
    assert fault.machine
    assert fault.reason.startswith(reason)


@pytest.mark.parametrize(
    ('code', 'log', 'reason'),
    [
        (1, 'loading\nThe data of this config is missing: data/coco', 'The data of this config is missing: data/coco'),
        (1, 'Traceback:\n  File "x"\nKeyError: \'lr\'\n\n', "KeyError: 'lr'"),
        (1, TORCHRUN.format(message="KeyError: 'lr'", code=1, traceback=BY_ITSELF), "KeyError: 'lr'"),
        (2, 'train.py: error: unrecognized arguments: --foo', 'train.py: error: unrecognized arguments: --foo'),
        (1, 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate', 'the GPU’s memory is too small'),
        (1, 'CUDA error: device-side assert triggered', 'a value that the network cannot take'),
        (1, 'OSError: [Errno 28] No space left on device', 'the disk is full'),
        (-2, '', 'it was ended by SIGINT'),
        (130, '', 'it was ended by SIGINT'),
        (3, '', 'it returned 3 and printed nothing'),
    ],
)
def test_another_try_would_not_help(code, log, reason):
    fault = classify(code, log)
    assert not fault.machine
    assert fault.reason.startswith(reason)
