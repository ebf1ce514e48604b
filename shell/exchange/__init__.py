"""The embedded exchange: a loopback stand-in for Alpaca, as strict as the original."""
