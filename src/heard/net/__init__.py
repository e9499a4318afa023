"""The plumbing under every party: calls out through the address guard, requests in within bounds, faults as problems.

Knows no protocol and no database, so that the hub, the POS kit and the sandbox stand on the same.
"""
