"""Replies: what a chat request holds, and the stream that comes back."""
