"""Callers by phone: what LiveKit's SIP service says of a call, and what the agent can do in one."""
