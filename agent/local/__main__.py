"""``python -m agent.local llm|stt|tts``: one stand-in engine."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import socket
import sys

from agent.models import ModelError
from agent.stand_ins import USUAL_PORTS


def main(argv: list[str] | None = None) -> int:
    """Serve one engine until a signal; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m agent.local", description=__doc__)
    parser.add_argument("engine", choices=USUAL_PORTS)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, help="8101, 8102 or 8103 when not given")
    args = parser.parse_args(argv)
    port = args.port or USUAL_PORTS[args.engine]
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("agent").setLevel(logging.INFO)
    if problem := _taken(args.host, port):
        print(problem, file=sys.stderr)
        return 1
    # OpenMP's threads spin while they wait. With three engines and an agent on two cores that
    # starves the thread they wait for: 0.9 to 8 s a token instead of 0.11 to 0.23. Spinning for
    # some microseconds only costs nothing then, and gives 30 tokens a second instead of 14.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # NumPy's threads spin, too, for some 50 ms after each product of matrices: two fifths of the
    # processor time of a decode of 0.8 s of sound, 0.11 s with them and 0.07 without.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    engine = importlib.import_module(f".{args.engine}", __package__)
    try:
        engine.serve(args.host, port)
    except ModelError as e:
        print(e, file=sys.stderr)
        return 1
    return 0


def _taken(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as e:
            return f"Cannot listen on {host}:{port} ({e.strerror}): choose another with --port."
    return None


if __name__ == "__main__":
    sys.exit(main())
