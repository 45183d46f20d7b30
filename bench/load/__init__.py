"""How many rooms a core holds: real rooms, the real agent server, engines that answer at once."""
