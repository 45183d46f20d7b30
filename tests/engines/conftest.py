"""Real upstream servers for the plugins, each started once and only if a test asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from .brain import Brain
from .servers import Launcher, Server, engines_folder, until

_HERE = Path(__file__).parent
# What `vllm serve` imports in its three processes.
VLLM = (
    "vllm.entrypoints.cli.main",
    "vllm.entrypoints.openai.api_server",
    "vllm.v1.engine.async_llm",
    "vllm.v1.executor.multiproc_executor",
    "vllm.v1.worker.cpu_worker",
    "vllm.model_executor.models.qwen3",
    "vllm.model_executor.models.whisper",
)
OMNI = (
    "vllm_omni.entrypoints.openai.api_server",
    "vllm_omni.entrypoints.openai.serving_speech_stream",
)
SERVE = "vllm.entrypoints.cli.main:main"
SPEECH_ARGV = ["--model", "tones", "--served-model-name", "tts", "--enable-request-id-headers"]
_CLONING_ARGV = ["--model", "clones", "--served-model-name", "tts"]
# A gigabyte of memory each is the least that vLLM takes by itself for its cache.
_SMALL = ["--enforce-eager", "--kv-cache-memory-bytes", "67108864", "--max-num-seqs", "8"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engines: real vLLM and vllm-omni servers on a CPU")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.engines)
            # The first test that asks for a server also waits until it has started.
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def launchers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Launcher]]:
    """Launchers by name; those that will be needed import at the same time, each on a core."""
    engines = engines_folder()
    if not (engines / "installed").is_file():
        pytest.skip("the engines are not installed: run scripts/setup_engines.sh")
    needed = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    kinds = {
        "vllm": (
            {
                "llm_server",
                "second_llm_server",
                "omni_server",
                "whisper_server",
                "realtime_server",
            },
            VLLM,
            "",
        ),
        "omni-0.30": ({"speech_server", "cloning_server", "talking_server"}, OMNI, ""),
        "omni-0.24": ({"speech_server", "cloning_server"}, OMNI, str(engines / "omni-0.24")),
    }
    started: dict[str, Launcher] = {}
    try:
        for kind, (users, modules, python_path) in kinds.items():
            if users & needed:
                folder = tmp_path_factory.mktemp(kind)
                started[kind] = Launcher(modules, folder, python_path=python_path)
        yield started.__getitem__
    finally:
        for launcher in started.values():
            launcher.close()


def _run(server: Server) -> Server:
    server.start()
    server.wait()
    return server


def llm_argv() -> list[str]:
    """`vllm serve` with a Qwen3 of random weights, as scripts/run_llm_server.sh starts it."""
    return [
        "serve",
        str(engines_folder() / "models/llm"),
        *("--served-model-name", "llm", "--max-model-len", "2048"),
        *("--enable-prefix-caching", "--scheduling-policy", "priority"),
        *("--enable-prompt-tokens-details", "--enable-server-load-tracking"),
        *("--enable-request-id-headers", "--enable-log-requests", "--enable-per-request-metrics"),
        *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
        # Random weights would fill the blanks between JSON's tokens for ever.
        *("--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}'),
        *_SMALL,
    ]


@pytest.fixture(scope="session")
def llm_server(launchers: Callable[[str], Launcher]) -> Server:
    """A language model."""
    return _run(Server(launchers("vllm"), SERVE, llm_argv(), "llm"))


@pytest.fixture(scope="session")
def second_llm_server(launchers: Callable[[str], Launcher]) -> Server:
    """Another server of the same model."""
    return _run(Server(launchers("vllm"), SERVE, llm_argv(), "second-llm"))


@pytest.fixture(scope="session")
def router(
    launchers: Callable[[str], Launcher], llm_server: Server, second_llm_server: Server
) -> Server:
    """vllm-router in front of both."""
    workers = ["--worker-urls", llm_server.root, second_llm_server.root]
    argv = [*workers, "--policy", "consistent_hash"]
    return _run(Server(launchers("vllm"), "vllm_router.launch_router:main", argv, "router"))


@pytest_asyncio.fixture
async def brain(llm_server: Server) -> AsyncIterator[Brain]:
    """A conversation with it, which ends in silence."""
    brain = Brain(llm_server)
    yield brain
    await brain.aclose()
    await until(brain.is_idle)


@pytest.fixture(scope="session")
def omni_server(launchers: Callable[[str], Launcher]) -> Server:
    """`vllm serve` with a model that hears and sees, of weights that vLLM makes up."""
    model = str(engines_folder() / "models/omni")
    argv = ["serve", model, "--load-format", "dummy", "--served-model-name", "omni"]
    argv += ["--max-model-len", "2048", *_SMALL]
    return _run(Server(launchers("vllm"), SERVE, argv, "omni"))


@pytest.fixture(scope="session")
def whisper_server(launchers: Callable[[str], Launcher]) -> Server:
    """`vllm serve` with a Whisper of random weights."""
    model = str(engines_folder() / "models/whisper")
    argv = ["serve", model, "--served-model-name", "whisper", *_SMALL]
    return _run(Server(launchers("vllm"), SERVE, argv, "whisper"))


@pytest.fixture(scope="session")
def realtime_server(launchers: Callable[[str], Launcher]) -> Server:
    """vLLM's own /v1/realtime over an engine of ours."""
    argv = ["--model", "half-seconds", "--served-model-name", "half-seconds"]
    return _run(Server(launchers("vllm"), "realtime_server:main", argv, "realtime"))


@pytest.fixture(scope="session", params=["0.30", "0.24"])
def speech_server(request: pytest.FixtureRequest, launchers: Callable[[str], Launcher]) -> Server:
    """vllm-omni's own front end, of two versions, over an engine of ours."""
    launcher = launchers(f"omni-{request.param}")
    return _run(Server(launcher, "speech_server:main", SPEECH_ARGV, f"speech-{request.param}"))


@pytest.fixture(scope="session", params=["0.30", "0.24"])
def cloning_server(request: pytest.FixtureRequest, launchers: Callable[[str], Launcher]) -> Server:
    """The same with a Base checkpoint."""
    launcher = launchers(f"omni-{request.param}")
    return _run(Server(launcher, "speech_server:main", _CLONING_ARGV, f"clones-{request.param}"))


@pytest.fixture(scope="session")
def talking_server(launchers: Callable[[str], Launcher]) -> Server:
    """vllm-omni's own /v1/realtime over an engine of ours."""
    argv = ["--model", "omni", "--served-model-name", "omni"]
    return _run(Server(launchers("omni-0.30"), "talking_server:main", argv, "talking"))
