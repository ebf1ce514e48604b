"""Drift: looks, cases, audits and what is not ours."""
