"""Does a checkpoint fit the model of a run? mmengine lists what does not fit in its log and goes on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from senet_mm.data.errors import DataError
from senet_mm.engine.provenance import check_preprocessing

LISTED = 3
COUNTER = '.num_batches_tracked'  # of BatchNorm; it does without
NOT_OURS = ('data_preprocessor.', 'ema_')  # what the config says; the copy that mmdet 2 saved of every weight
SHAPES = re.compile(r'size mismatch for (\S+): copying .*?\[([\d, ]*)\]\) from checkpoint.*?\[([\d, ]*)\]\)')
HALVES = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Fit:
    """How the weights of a checkpoint fit a model.

    Attributes:
        loaded: How many of the checkpoint's tensors the model takes.
        missing: The model's that the checkpoint lacks.
        left_over: The checkpoint's that the model lacks.
        shapes: Those of another shape: name → (there, in the model), as text.
        se: Whether there is SE in the checkpoint, and in the model.
    """

    loaded: int
    missing: list[str]
    left_over: list[str]
    shapes: dict[str, tuple[str, str]]
    se: tuple[bool, bool]

    @classmethod
    def of(cls, model: nn.Module, state: dict[str, Tensor]) -> Fit:
        """Load `state` into `model` as far as it fits, and say how far that is."""
        found: list[Any] = []
        listener = model.register_load_state_dict_post_hook(lambda _, keys: found.append(keys))
        problems = ''
        try:
            model.load_state_dict(state, strict=False)
        except RuntimeError as error:  # torch raises for shapes even if not strict, after having loaded the rest
            problems = str(error)
        finally:
            listener.remove()
        missing = [key for key in found[0].missing_keys if not key.endswith(COUNTER)]
        left_over = [key for key in found[0].unexpected_keys if not key.endswith(COUNTER) | key.startswith(NOT_OURS)]
        shapes = {name: (f'({theirs})', f'({ours})') for name, theirs, ours in SHAPES.findall(problems)}
        if problems and not shapes:
            raise DataError(f'the checkpoint cannot be loaded into the model: {problems}')
        loaded = len(state) - len(found[0].unexpected_keys) - len(shapes)
        se = any(map(_is_se, state)), any(map(_is_se, model.state_dict()))
        return cls(loaded, missing, left_over, shapes, se)

    @property
    def whole(self) -> bool:
        """Nothing is missing, left over or of another shape."""
        return not (self.missing or self.left_over or self.shapes)

    @property
    def backbone_fits(self) -> bool:
        """The backbone takes everything that is for it, and lacks at most SE blocks, which a fine-tuning may add."""
        missing = [key for key in self.missing if not _is_se(key)]
        return not any(key.startswith('backbone.') for key in [*missing, *self.left_over, *self.shapes])

    def __str__(self) -> str:
        """One line for each kind of trouble, with its first few names."""
        shapes = [f'{name} {theirs} there, {ours} here' for name, (theirs, ours) in self.shapes.items()]
        kinds = [('missing', self.missing), ('left over', self.left_over), ('of another shape', shapes)]
        return '\n'.join(f'  {len(names)} {kind}: {_first(names)}' for kind, names in kinds if names)

    def likely(self) -> str:
        """What the trouble looks like."""
        if not self.loaded:
            return (
                'Nothing of it fits: it holds a backbone alone, or names its weights in another way; '
                'tools/convert_weights.py brings in other people’s.'
            )
        if all(map(_is_se, [*self.missing, *self.left_over, *self.shapes])):
            return {
                (False, True): 'It looks like a network without SE; this config has SE.',
                (True, False): 'It looks like a network with SE; this config has none.',
            }.get(self.se, 'It looks like a network with other SE options, such as se.ratio, se.bias or se.stages.')
        if self.backbone_fits and not (self.missing or self.left_over):
            return 'It looks like a network for another number of classes (num_classes).'
        return 'It looks like another architecture or depth.'


class CheckpointFit(Hook):
    """Refuses a checkpoint that does not fit the run's model.

    Args:
        source: What the message calls the checkpoint.
        purpose: 'test' and 'resume' need every weight, 'resume' also the state of the training; 'fine-tune' needs the
            backbone's weights, except SE blocks', and reports what else was not loaded.
    """

    def __init__(self, source: str, purpose: str) -> None:
        self.source, self.purpose = source, purpose

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare, before mmengine loads the weights.

        Raises:
            DataError: It does not fit; the message lists what, and says what it looks like.
        """
        if self.purpose == 'resume':
            self._require_training_state(checkpoint)
            forget_paths(checkpoint['message_hub'], Path(runner.work_dir))
        model = runner.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        state = checkpoint.get('state_dict', checkpoint)
        state = {re.sub(r'^module\.', '', name): value for name, value in state.items()}
        fit = Fit.of(model, state)
        needed = fit.loaded and fit.backbone_fits if self.purpose == 'fine-tune' else fit.whole
        if not needed:
            raise DataError(f'{self.source} does not fit the model of this config:\n{fit}\n{fit.likely()}')
        if self.purpose == 'test':
            check_preprocessing(checkpoint, runner.cfg)
        if not fit.whole:
            runner.logger.warning(
                f'{self.source}: {fit.loaded} weights fit the model. These do not, and are not used:\n{fit}'
            )
        halves = {str(value.dtype) for value in state.values() if getattr(value, 'dtype', None) in HALVES}
        if halves:
            runner.logger.info(f'{self.source} is in half precision ({", ".join(sorted(halves))}); cast to float32.')

    def _require_training_state(self, checkpoint: dict[str, Any]) -> None:
        lacking = [name for name in ('meta', 'message_hub', 'optimizer') if name not in checkpoint]
        if lacking:
            raise DataError(
                f'{self.source} cannot be resumed: it lacks {", ".join(lacking)}. To start a new training from its '
                'weights: --cfg-options load_from=…, without --resume'
            )


def forget_paths(hub: dict[str, Any], work_dir: Path) -> None:
    """Take from a message hub's state the files outside of `work_dir`, in place.

    CheckpointHook deletes the best checkpoint so far, file or folder, where the resumed one says that it is.
    """
    info = hub.get('runtime_info', {})
    for key in [key for key in info if key.startswith('best_ckpt')]:
        best = Path(str(info[key]))
        if best.suffix != '.pth' or best.resolve().parent != work_dir.resolve():
            del info[key]
    if 'keep_ckpt_ids' in info:
        info['keep_ckpt_ids'] = [number for number in info['keep_ckpt_ids'] if isinstance(number, int)]


def _is_se(key: str) -> bool:
    return '.se.' in key or '.se_layer.' in key  # ours and mmpretrain's


def _first(names: Sequence[str]) -> str:
    return ', '.join(names[:LISTED]) + (', …' if len(names) > LISTED else '')
