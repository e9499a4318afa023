"""Standard Webhooks: how a delivery is signed and verified. What it carries is each protocol's own."""
