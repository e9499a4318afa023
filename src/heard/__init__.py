"""Heard: an open order hub for restaurants. Nothing lost, nothing doubled, every cent adds up."""

__version__ = "0.1.0"
