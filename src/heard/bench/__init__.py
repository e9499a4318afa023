"""Benchmarks: each measures the hub and, in the same run, the limit beside it. Never a test."""
