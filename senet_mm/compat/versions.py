"""Says at import which installed package cannot work with senet_mm, and the one command that mends it."""

from __future__ import annotations

import re
from importlib import metadata
from typing import NamedTuple


class Distribution(NamedTuple):
    """A package of the index, with the releases that work: `at_least` <= release < `below`."""

    name: str
    at_least: str
    below: str | None = None

    @property
    def requirement(self) -> str:
        """What pip is asked for, for example `onedl-mmcv>=2.3.6,<2.4`."""
        return f'{self.name}>={self.at_least}' + (f',<{self.below}' if self.below else '')

    def allows(self, version: str) -> bool:
        """Whether `version` lies within the bounds; a pre-release or local build counts as its release."""
        release = _numbers(version)
        return _numbers(self.at_least) <= release and (self.below is None or release < _numbers(self.below))


# By import name: first what setup.py installs (its bounds; a test holds the two together), then the original packages,
# of which the lower bound is the oldest tried beside torch 2.14, and the upper one the release that would come next.
# mmdet 3.1 and 3.3 themselves refuse mmcv from 2.1 and 2.2 on.
DISTRIBUTIONS: dict[str, tuple[Distribution, ...]] = {
    'torch': (Distribution('torch', '2.6'),),
    'torchvision': (Distribution('torchvision', '0.21'),),
    'mmengine': (
        Distribution('onedl-mmengine', '0.10.12', '1'),
        # 0.10.5 fails to import where transformers is installed: it registers an Adafactor, too, and so has torch 2.5
        Distribution('mmengine', '0.10.6', '1'),
        Distribution('mmengine-lite', '0.10.6', '1'),
    ),
    'mmcv': (
        Distribution('onedl-mmcv', '2.3.6', '2.4'),
        Distribution('mmcv', '2.0.1', '2.3'),
        Distribution('mmcv-lite', '2.0.1', '2.3'),
    ),
    'mmdet': (Distribution('onedl-mmdetection', '3.5.1', '4'), Distribution('mmdet', '3.1', '4')),
    'mmpretrain': (Distribution('onedl-mmpretrain', '1.3.6', '2'), Distribution('mmpretrain', '1.2', '2')),
}


def check_versions() -> None:
    """Check every installed distribution of `DISTRIBUTIONS`; one that is absent, or has no version, is passed over.

    Raises:
        ImportError: one or more versions cannot work, or two distributions of the same package are both installed.
            It names them all, what is allowed, and the command that puts it right.
    """
    problems: list[str] = []
    uninstall: list[str] = []
    install: list[str] = []
    for package, known in DISTRIBUTIONS.items():
        found = {known_as: version for known_as in known if (version := _installed(known_as.name))}
        wrong = _problems(package, known, found)
        if wrong:
            problems += wrong
            uninstall += [each.name for each in found if len(found) > 1 or each is not known[0]]
            install.append(known[0].requirement)
    if problems:
        raise ImportError(_message(problems, uninstall, install))


def _problems(package: str, known: tuple[Distribution, ...], found: dict[Distribution, str]) -> list[str]:
    """One line for each thing wrong with the distributions `found` of one package."""
    if len(found) > 1:
        both = ' and '.join(f'{each.name} {version}' for each, version in found.items())
        return [f'{both} are installed together and overwrite one another: both are `import {package}`; keep one']
    allowed = ' or '.join(each.requirement for each in known)
    return [
        f'{each.name} {version} is installed; {allowed} is needed'
        for each, version in found.items()
        if not each.allows(version)
    ]


def _message(problems: list[str], uninstall: list[str], install: list[str]) -> str:
    command = f'pip uninstall -y {" ".join(uninstall)} && ' if uninstall else ''
    command += 'pip install ' + ' '.join(f"'{each}'" for each in install)
    return '\n'.join(['senet_mm cannot work with what is installed:', *(f'- {p}' for p in problems), f'Run: {command}'])


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """`'2.6.0a0+cu124'` as `(2, 6)`: the release alone, trailing zeros dropped, so that 2.6 and 2.6.0 are equal."""
    numbers = [int(each) for each in re.findall(r'\d+', re.sub(r'[^\d.].*', '', version))]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
