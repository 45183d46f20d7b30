"""The GPU services: what their command lines are, and whether this machine can have them."""
