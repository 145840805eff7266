import pytest


@pytest.mark.slow
def test_places_and_decoders_are_measured_in_turn(run_tool, demo, tmp_path):
    pack = tmp_path / 'imagenet.lmdb'
    assert run_tool('tools/pack_dataset.py', demo / 'imagenet', pack).returncode == 0
    measured = run_tool(
        *('tools/benchmark_data.py', 'configs/demo/resnet50_demo.py', '--data-root', demo / 'imagenet', pack),
        *('--decoder', 'cv2', 'pillow'),
        *('--workers', '1', '--rounds', '1', '--seconds', '1', '--steps', '1'),
        *('--cfg-options', 'train_dataloader.batch_size=5'),
    )
    assert measured.returncode == 0, measured.stderr[-3000:]
    lines = measured.stdout.splitlines()
    assert any('threads for PyTorch; OpenCV with ' in line for line in lines)
    names = [f'{root}, {decoder}' for root in (demo / 'imagenet', pack) for decoder in ('cv2', 'pillow')]
    rows = [line for line in lines if line.startswith(tuple(names))]
    assert [row.partition('  ')[0] for row in rows] == names
    assert '1.00 (1.00 to 1.00)' in rows[0]


def test_a_place_that_is_not_there_is_one_message(run_tool, tmp_path):
    result = run_tool('tools/benchmark_data.py', 'configs/resnet50_imagenet.py', '--data-root', tmp_path / 'x.zip')
    assert result.returncode == 1
    assert f'Expected the file {tmp_path}/x.zip' in result.stderr
    assert 'tools/prepare_data.py imagenet --source' in result.stderr
    assert 'Traceback' not in result.stderr
