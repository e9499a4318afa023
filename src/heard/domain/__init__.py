"""The rules of the house as plain values and pure functions: standard library only, no I/O, no clock, no chance."""
