"""Training and testing: what `tools/` calls."""
