"""The Ordering API: applications price carts, pay and order at the hub, over HTTP."""
