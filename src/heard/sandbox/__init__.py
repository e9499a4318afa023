"""The other parties, as real programs: a POS (posnext), a marketplace (Link), a loyalty program (the Ordering API)."""
