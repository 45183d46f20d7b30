"""Run the voice agent: ``python agent.py dev``, ``start`` or ``console``."""

import os
import tempfile

if __name__ == "__main__":
    # Jobs are processes of their own, and their figures come together in a folder. Which way they
    # are kept is settled as the first of them is made, while LiveKit is imported.
    figures = tempfile.TemporaryDirectory(prefix="parley-metrics-")
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", figures.name)
    # NumPy's threads spin for some 50 ms after each product of matrices, on the engines' cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from agent.app import main

if __name__ == "__main__":
    main()
