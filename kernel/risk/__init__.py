"""What stands between a proposal and the broker: the gate, its checks, and the Approved value."""
