"""The market of the embedded exchange: recorded or synthetic bars become quotes and closed bars in time."""
