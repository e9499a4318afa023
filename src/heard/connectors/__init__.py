"""How each kind of POS is spoken to: what to call, and what its answer means. The call itself is made in work/."""
