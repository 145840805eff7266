"""Everything that is found in work_dirs/, and where each run belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from senet_mm.data.errors import DataError
from senet_mm.results.comparison import STEMS, Reasons, judge
from senet_mm.results.runs import Broken, Run, find_runs
from senet_mm.results.table import Pair, pair_up
from senet_mm.results.tables import PaperTable, build_tables


@dataclass(frozen=True)
class Board:
    """Everything that was found.

    Attributes:
        folders: Where it was looked for.
        runs: All runs, by name and folder.
        tables: The paper's Tables 2–16, all of them.
        pairs: Plain beside SE, of tested runs that are in none of the paper's tables; of the paper's networks only
            where both are there.
        apart: Runs that are in none of the paper's tables, with the reasons.
        broken: What could not be read, and what lacks a file.
        comparable: Config stem → seed → the run that counts.
    """

    folders: tuple[Path, ...]
    runs: tuple[Run, ...]
    tables: tuple[PaperTable, ...]
    pairs: tuple[Pair, ...]
    apart: tuple[tuple[Run, Reasons], ...]
    broken: tuple[Broken, ...]
    comparable: dict[str, dict[int | None, Run]]


def collect(folders: Sequence[Path]) -> Board:
    """Read all runs at or below `folders`, and decide where each belongs.

    Raises:
        DataError: A folder does not exist.
    """
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f'there is no folder {folder}; runs are in work_dirs/')
    runs, broken = find_runs(folders)
    verdicts = judge(runs)
    pairs, repeated = pair_up(run for run, _ in verdicts.apart if run.evaluations)
    more = {(run.name, run.folder): reason for run, reason in repeated}
    apart = [
        (run, (*reasons, *((more[run.name, run.folder],) if (run.name, run.folder) in more else ())))
        for run, reasons in verdicts.apart
    ]
    comparable: dict[str, dict[int | None, Run]] = {}
    for (stem, _), seeds in verdicts.counted.items():
        comparable.setdefault(stem, {}).update({seed: run for seed, (run, _) in seeds.items()})
    pairs = [pair for pair in pairs if all((pair.plain, pair.se)) or not STEMS & set(pair.names)]
    tables = build_tables(verdicts, runs)
    return Board(tuple(folders), tuple(runs), tables, tuple(pairs), tuple(apart), tuple(broken), comparable)
