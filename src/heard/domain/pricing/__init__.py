"""Cents that add up: totals of lines and the exact spreading of a discount."""
