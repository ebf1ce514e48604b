"""Orders: their lifecycle, their executions, and the book of all of them."""
