"""The SE block, where it sits in a network, and its fused residual join."""
