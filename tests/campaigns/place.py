"""A place where campaigns run in seconds, and campaigns to run there. Imports nothing heavy."""

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

from senet_mm.campaigns.campaign import Campaign
from senet_mm.campaigns.launchers import Local
from senet_mm.campaigns.plan import make_plan

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Table, seeds and GPUs are in the command line.
DRIVER = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.campaigns.place import campaign_of
campaign_of(sys.argv[1], seeds=[int(seed) for seed in sys.argv[2]], gpus=sys.argv[3]).run()
"""


class Place:
    """A folder with the repository's configs and, for tools, fake_tool.py; work_dirs/ is still to be made."""

    def __init__(self, folder):
        self.folder, self.work_dirs = folder, folder / 'work_dirs'
        (folder / 'tools').mkdir()
        (folder / 'plots').mkdir()
        (folder / 'configs').symlink_to(ROOT / 'configs')
        for name in ('train.py', 'test.py', 'dist_train.sh', 'dist_test.sh'):
            (folder / 'tools' / name).symlink_to(HERE / 'fake_tool.py')

    def plot(self, stem, seed, *lines):
        """Have a run do something; see fake_tool.py."""
        (self.folder / 'plots' / f'{stem}.{seed}').write_text('\n'.join(lines))

    def notes(self):
        """The lines of calls.jsonl."""
        path = self.folder / 'calls.jsonl'
        return list(map(json.loads, path.read_text().splitlines())) if path.is_file() else []

    def calls(self, *whats, verb=None):
        """What was noted, in order: (task, what); of all kinds if none is named."""
        return [
            (line['task'], line['what'])
            for line in self.notes()
            if (not whats or line['what'] in whats) and verb in (None, line['verb'])
        ]


class Log:
    """Keeps what a campaign says."""

    def __init__(self):
        self.events = []

    def event(self, text):
        self.events.append(text)

    def update(self, running, over, total):
        pass


def campaign_of(table, seeds=(0,), gpus='', retries=2):
    """A campaign on this machine, on made-up GPUs with one letter each, or on none."""
    work_dirs = Path('work_dirs')
    tasks = make_plan(Namespace(tables=[table], seeds=seeds, work_dirs=work_dirs, log=[]), 1).tasks
    return Campaign(tasks, Local(work_dirs, list(gpus), poll=0.02), work_dirs, retries, Log(), wait=0.0)


def start_campaign(table, seeds='0', gpus=''):
    """The same in a process of its own."""
    return subprocess.Popen([sys.executable, '-c', DRIVER, table, seeds, gpus], start_new_session=True)
