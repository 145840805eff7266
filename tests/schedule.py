"""The learning rates of a config, iteration by iteration, without the training in between."""

import torch
from mmengine.hooks import ParamSchedulerHook
from mmengine.runner import Runner


class Schedule:
    """The learning rate of every iteration, as mmengine's own hook sets it.

    Args:
        cfg: A config.
        iterations: How many an epoch has; in a run without epochs, all of them.
        work_dir: A folder for mmengine's runner.
    """

    def __init__(self, cfg, iterations, work_dir):
        batch = cfg.train_dataloader.batch_size
        loader = dict(
            dataset=torch.zeros(iterations * batch, 0),
            sampler=dict(type='DefaultSampler', shuffle=True),
            batch_size=batch,
        )
        self.runner = Runner(
            model=torch.nn.Linear(1, 1),
            work_dir=str(work_dir),
            train_dataloader=loader,
            train_cfg=cfg.train_cfg.to_dict() | dict(val_interval=10_000),
            optim_wrapper=cfg.optim_wrapper,
            param_scheduler=cfg.param_scheduler,
            default_hooks=dict(checkpoint=None, logger=None),
            log_level='ERROR',
            experiment_name=work_dir.name,
        )
        self.runner._train_loop = self.runner.build_train_loop(self.runner._train_loop)
        self.runner.optim_wrapper = self.runner.build_optim_wrapper(self.runner.optim_wrapper)
        self.runner.param_schedulers = self.runner.build_param_scheduler(self.runner.param_schedulers)
        self.iterations = iterations

    def rates(self, epochs=1):
        """The learning rates of each epoch, a list."""
        hook, group = ParamSchedulerHook(), self.runner.optim_wrapper.param_groups[0]
        for scheduler in self.runner.param_schedulers:
            scheduler.optimizer._global_step = 1  # no step is taken; mmengine would warn of it
        for _ in range(epochs):
            rates = []
            for index in range(self.iterations):
                rates.append(group['lr'])
                hook.after_train_iter(self.runner, index)
            hook.after_train_epoch(self.runner)
            yield rates
