"""Misbehavior on purpose: a plan of faults, seeded draws, and the places where they take hold."""
