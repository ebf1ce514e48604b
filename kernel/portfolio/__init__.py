"""What the desk holds: positions, round trips, cash flow, profit and loss."""
