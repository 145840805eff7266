"""Data sets in one zip, tar or LMDB."""
