"""One OpenAI-compatible server: its address, what it serves, and its errors."""
