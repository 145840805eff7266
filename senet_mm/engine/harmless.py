"""Settings that have no say in a result, as patterns of dotted keys. Imports nothing: results/ reads them, too."""

HARMLESS = (
    r'(train|val|test)_dataloader\.(num_workers|persistent_workers|pin_memory|prefetch_factor|timeout)'
    r'|(train|val|test)_(dataloader|evaluator)\.(.*\.)?(data_root|backend_args|outfile_prefix|whole_batch)(\..*)?'
    r'|train_dataloader\.batch_size'  # the batch of an update counts
    r'|default_hooks\.(checkpoint|logger|timer|visualization|runtime_info)\.(?!type$).*'
    r'|optim_wrapper\.optimizer\.(fused|foreach)'
    r'|model\.(.*\.)?(with_cp|cal_acc)'
)
WITHOUT_PLATEAU = r'train_cfg\.(val_interval|val_begin)'  # where no schedule looks at the validation
