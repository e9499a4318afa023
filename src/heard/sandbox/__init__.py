"""The other parties, as real programs: a POS that speaks posnext and a marketplace that speaks Link."""
