"""The life of an order: what was ordered (content), where it stands (model), and how it may move on."""
