"""The Parley voice agent."""
