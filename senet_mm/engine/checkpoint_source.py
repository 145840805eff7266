"""Where a checkpoint comes from: a file, an https:// address, or a name that mmengine knows an address for."""

from __future__ import annotations

import hashlib
import re
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import urlopen

import torch
from mmengine.runner import (
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)

from senet_mm.data.errors import DataError
from senet_mm.data.files.download import digest, exclusive

SCHEMES = ('https', 'openmmlab', 'open-mmlab', 'mmcls', 'torchvision', 'modelzoo')
TIMEOUT = 30.0  # seconds without an answer
# name-0a1b2c3d.pth: the beginning of the content's sha256; -20181008.pth is a date.
HASH = re.compile(r'-(?!(?:19|20)\d{6}\.)([0-9a-f]{8,64})(?:\.[a-z]+)+$')


def locate(source: str | Path) -> Path:
    """The file of a checkpoint; what is behind an address is fetched once, into torch's hub cache.

    Raises:
        DataError: It is not there, cannot be fetched, or is not what the hash in its name says.
    """
    scheme, found, rest = str(source).partition('://')
    if found:
        return _fetch(_address(scheme, rest))
    path = Path(source).expanduser()
    if path.is_dir():
        raise DataError(f'{path} is a folder: name the checkpoint in it, e.g. {path / "epoch_100.pth"}')
    if not path.is_file():
        raise DataError(f'there is no checkpoint {path}')
    if not path.stat().st_size:
        raise DataError(f'{path} is empty: copy or download it anew')
    return path


def _address(scheme: str, rest: str) -> str:
    if scheme == 'http':
        raise DataError(f'http://{rest}: checkpoints are not fetched over http, which anybody on the way can change; '
                        f'use https://{rest}')  # fmt: skip
    if scheme not in SCHEMES:
        raise DataError(f'{scheme}://{rest}: {scheme}:// is not read, only files and {"://, ".join(SCHEMES)}://; '
                        'fetch the file and name it')  # fmt: skip
    if scheme == 'https':
        return f'https://{rest}'
    known = _known_addresses(scheme)
    name = get_deprecated_model_names().get(rest, rest) if 'mmlab' in scheme else rest
    address = known.get(name)
    if not address:
        raise DataError(f'{scheme}://{rest}: mmengine knows no checkpoint of this name')
    if not address.startswith('https://'):
        raise DataError(f'{scheme}://{rest} stands for {address}, which is not an https:// address')
    return address


def _known_addresses(scheme: str) -> dict[str, str]:
    if scheme == 'mmcls':
        return get_mmcls_models()
    return get_external_models() if 'mmlab' in scheme else get_torchvision_models()


def _fetch(address: str) -> Path:
    name = Path(urlparse(address).path).name
    claim = HASH.search(name)
    if not claim:  # names such as epoch_100.pth are everywhere
        name = f'{hashlib.sha256(address.encode()).hexdigest()[:8]}_{name}'
    path = Path(torch.hub.get_dir(), 'checkpoints', name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(path):
        if not path.is_file():
            _download(address, path)
        if claim and not digest(path, 'sha256').startswith(claim[1]):
            path.unlink()
            raise DataError(f'{address}: its sha256 is not {claim[1]}…, as its name says; it was not kept')
    return path


def _download(address: str, path: Path) -> None:
    try:
        with urlopen(address, timeout=TIMEOUT) as response:  # to see where it leads, and how long it is
            final, size = response.geturl(), response.headers.get('Content-Length')
        if not final.startswith('https://'):
            raise DataError(f'{address} leads to {final}: checkpoints are fetched over https:// only')
        torch.hub.download_url_to_file(final, str(path))
    except (OSError, HTTPException) as error:
        raise DataError(f'{address} cannot be fetched ({error}): fetch it by other means and name the file') from None
    if size and path.stat().st_size != int(size):  # which torch does not notice
        path.unlink()
        raise DataError(f'{address} came incomplete and was not kept: try again')
