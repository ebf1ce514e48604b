"""The two streams: what state each connection is in and when it is opened again."""
