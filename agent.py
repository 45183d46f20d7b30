"""Run the voice agent: ``python agent.py dev``, ``start`` or ``console``."""

from agent.app import main

if __name__ == "__main__":
    main()
