"""Running all that the paper's tables still lack, on one machine or on SLURM."""
