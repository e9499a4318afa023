"""posnext, hub <-> POS: both sides' bytes, tokens and signatures. Source: PAR's posnext documentation and WIRE 1."""
