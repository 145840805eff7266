"""mmpretrain without mmdet, and mmdet afterwards as ever."""


def test_mmdet_stays_out_and_can_be_imported_later(run_tool):
    code = (
        'import sys\n'
        'from senet_mm.compat.mmpretrain_import import import_without_mmdet\n'
        'import_without_mmdet()\n'
        'assert "mmpretrain.models" in sys.modules and "mmdet" not in sys.modules\n'
        'import mmdet.models\n'
        'assert mmdet.models.ResNet'
    )
    result = run_tool('-c', code)
    assert result.returncode == 0, result.stderr
