"""Sound over the agent's speech: backchannel, noise, echo, or an interruption."""
