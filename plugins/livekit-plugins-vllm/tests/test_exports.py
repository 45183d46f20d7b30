"""The names that the plugin promises."""

from __future__ import annotations

from livekit.agents import Plugin
from livekit.plugins import vllm


def test_exported_names() -> None:
    assert set(vllm.__all__) == {
        "LLM",
        "STT",
        "Answered",
        "AudioInput",
        "ChatModels",
        "Failed",
        "FaultKind",
        "LLMStream",
        "RequestReport",
        "ServedModel",
        "TurnAudio",
        "TurnImage",
        "__version__",
    }
    for name in vllm.__all__:
        assert getattr(vllm, name) is not None


def test_the_plugin_is_registered() -> None:
    assert "livekit.plugins.vllm" in {plugin.package for plugin in Plugin.registered_plugins}
