"""When the user's turn is over: the words, the voice and the person's own pauses."""
