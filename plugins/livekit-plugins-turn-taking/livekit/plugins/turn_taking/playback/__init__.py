"""The agent's voice on its way out, and the history of what was heard of it."""
