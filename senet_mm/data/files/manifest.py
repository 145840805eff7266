"""A small JSON file in a data set's folder that says what the folder holds."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from senet_mm.data.files.whole_file import whole_file


def read_manifest(path: Path) -> dict[str, Any] | None:
    """The content; None if the file is not there or not well-formed."""
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_manifest(path: Path, content: Mapping[str, Any]) -> None:
    """Write it, whole or not at all."""
    with whole_file(path) as part, part.open('w', encoding='utf-8') as file:
        file.write(json.dumps(content, indent=1) + '\n')
        file.flush()
        os.fsync(file.fileno())  # or the name could outlive the content in a power failure
