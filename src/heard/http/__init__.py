"""The ASGI app: a module of routes per protocol, bodies read within bounds, the one table of problems."""
