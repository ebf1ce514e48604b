"""Strategies: the protocol, their lifecycle, the registry, and the two that come with the desk."""
