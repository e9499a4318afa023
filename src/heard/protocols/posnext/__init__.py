"""posnext, hub <-> POS: both sides' bytes, tokens and signatures. Source: PAR's posnext documentation and wire.md 1."""
