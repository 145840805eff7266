"""What goes wrong with data on disk, said so that a user can act on it."""


class DataError(Exception):
    """Data is missing or not what it should be; the message says what, where, and what to do about it."""
