"""When the desk trades: its mode, the calendar of sessions, the market's phases."""
