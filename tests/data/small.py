"""What the tests of this folder share."""

import json
from pathlib import Path


def read(coco: Path, part: str) -> dict:
    return json.loads((coco / 'annotations' / f'instances_{part}.json').read_text())


def write(coco: Path, part: str, document: dict) -> None:
    (coco / 'annotations' / f'instances_{part}.json').write_text(json.dumps(document))


def listing(folder: Path) -> list[str]:
    """Everything below a folder, hidden files too; links are not followed."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*'))
