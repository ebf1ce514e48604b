"""The throttle: how many calls the broker allows, and who may use them."""
