import io

import numpy as np
import pytest
from PIL import Image

from senet_mm.data.images.scan import ScanReport, describe_corrupt, scan_images

RNG = np.random.default_rng(0)
PICTURE = Image.fromarray(RNG.integers(0, 256, (90, 120, 3), np.uint8))


def encoded(mode='RGB', **options):
    stream = io.BytesIO()
    PICTURE.convert(mode).save(stream, **{'format': 'JPEG', **options})
    return stream.getvalue()


def scan(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return scan_images(folder, list(files), workers=3)


def test_whole_images_of_all_kinds_pass(tmp_path):
    kinds = {
        'rgb.JPEG': encoded(),
        'grey.JPEG': encoded('L'),
        'progressive.JPEG': encoded(progressive=True),
        'metadata.JPEG': encoded(exif=b'Exif\0\0nonsense', icc_profile=b'nonsense'),
        'cmyk.JPEG': encoded('CMYK'),
        'png.JPEG': encoded(format='PNG'),
        'below/palette.JPEG': encoded('P', format='GIF'),
    }
    report = scan(tmp_path, kinds)
    assert report.images == 7
    assert report.corrupt == {}
    assert report.odd == {'cmyk.JPEG': 'CMYK JPEG', 'png.JPEG': 'RGB PNG', 'below/palette.JPEG': 'P GIF'}


@pytest.mark.parametrize('share', [0.0, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize('options', [{}, {'progressive': True}, {'mode': 'CMYK'}, {'format': 'PNG'}])
def test_truncated_images_are_found(tmp_path, share, options):
    content = encoded(**options)
    report = scan(tmp_path, {'good.JPEG': content, 'bad.JPEG': content[: int(share * len(content))]})
    assert list(report.corrupt) == ['bad.JPEG']


def test_other_damage_is_found_and_described(tmp_path):
    report = scan(tmp_path, {'empty.jpg': b'', 'page.jpg': b'<html>404</html>', 'good.jpg': encoded()})
    assert describe_corrupt({tmp_path: scan(tmp_path, {'whole.jpg': encoded()})}) == []
    report.corrupt |= dict.fromkeys((f'{i:02d}' for i in range(60)), 'gone')
    (tmp_path / 'good.jpg').unlink()
    report.corrupt |= scan_images(tmp_path, ['good.jpg']).corrupt
    other = ScanReport(corrupt={'1.jpg': 'gone'})
    advice, *lines = describe_corrupt({tmp_path: report, tmp_path / 'val': other}, most=50)
    assert advice.startswith('64 images cannot be read. Put whole copies in their places and run this again;')
    assert len(lines) == 51
    assert lines[0] == f'{tmp_path}/00: gone'
    assert lines[-1] == '… and 14 more'
    assert describe_corrupt({tmp_path: report, tmp_path / 'val': other})[-1] == f'{tmp_path}/val/1.jpg: gone'
    assert 'No such file' in report.corrupt['good.jpg']
    assert 'cannot identify image file' in report.corrupt['page.jpg']


def test_many_images_are_all_read(tmp_path):
    content = encoded()
    files = {f'{number:04d}.jpg': content for number in range(200)} | {'0100.jpg': content[:500]}
    report = scan(tmp_path, files)
    assert report.images == 200
    assert list(report.corrupt) == ['0100.jpg']
