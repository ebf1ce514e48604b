"""The matching core of the embedded exchange: pure, seeded, without a clock. `Venue` is its face."""
