"""Starts one of the tests' servers for a benchmark, and ends it with Ctrl-C.

python -m tests.engines.serve llm       upstream vLLM with a tiny Qwen3, 64 requests at a time
python -m tests.engines.serve speech    vllm-omni's front end with an engine of tones
Further options are those of `vllm serve`. It prints its address; the key is `a-key-of-the-tests`.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
from pathlib import Path

from .conftest import OMNI, SERVE, SPEECH_ARGV, VLLM, llm_argv
from .servers import Launcher, Server

_MANY = ["--max-num-seqs", "64"]


def main() -> None:
    """Serve until told to stop."""
    kind, options = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        launcher = Launcher(VLLM if kind == "llm" else OMNI, Path(folder))
        try:
            if kind == "llm":
                server = Server(launcher, SERVE, [*llm_argv(), *_MANY, *options], kind)
            else:
                argv = [*SPEECH_ARGV, *options]
                server = Server(launcher, "speech_server:main", argv, kind)
            server.start()
            server.wait()
            print(server.base_url, flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
        finally:
            launcher.close()


if __name__ == "__main__":
    main()
