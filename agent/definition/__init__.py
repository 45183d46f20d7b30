"""An agent is a folder: what it says of itself, read, checked and put to use.

Whoever writes one imports from :mod:`agent.authoring`.
"""
