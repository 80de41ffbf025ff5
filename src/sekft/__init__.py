"""Training data for models that operate a shell as self-directed citizens."""

__version__ = "0.1.0"
