"""Recognition: cutting speech into utterances, and the two ways to have one transcribed."""
