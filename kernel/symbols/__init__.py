"""Symbols: what the broker says about an asset, and what it makes of prices and quantities."""
