"""What a cart costs, exact to the cent: shares of a discount, taxes, totals, and the proof of each result."""
