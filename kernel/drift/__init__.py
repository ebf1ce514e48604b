"""Where our books and the broker's differ: found by comparison, followed as cases, never ended silently."""
