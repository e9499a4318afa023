"""Menus as values: the document a POS gives, its checks, and the index that orders are held against."""
