"""What the agent does of its own accord: fillers, interjections, backchannels, long answers."""
