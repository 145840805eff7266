"""Backbones, one file per architecture family, each with and without SE."""
