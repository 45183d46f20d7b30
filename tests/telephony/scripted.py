"""The scripted engines as calls use them.

The room, the session, the voice-activity detector and the tools around them are real.
"""

from __future__ import annotations

import json
from typing import Any

from livekit.agents.llm import ChatContext, FunctionCallOutput, FunctionToolCall

from harness.scripted import Llm, Stt, Tts


class CallLlm(Llm):
    """Answers with the next item of its script: a sentence, or a tool and its arguments."""

    def __init__(self, *script: str | tuple[str, dict[str, Any]]) -> None:
        super().__init__(
            *(
                item
                if isinstance(item, str)
                else FunctionToolCall(name=item[0], arguments=json.dumps(item[1]), call_id="1")
                for item in script
            )
        )

    def answer(self, chat_ctx: ChatContext) -> str | FunctionToolCall:
        return super().answer(chat_ctx) if self.answers else "Go on."

    @property
    def told(self) -> list[str]:
        """The last message of every request: what the user said, or what a tool gave back."""
        last = [chat_ctx.items[-1] for chat_ctx in self.asked]
        return [
            item.output if isinstance(item, FunctionCallOutput) else item.text_content or ""  # type: ignore[union-attr]
            for item in last
        ]


class CallStt(Stt):
    """Understands the next of its sentences, whatever is said."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(*sentences, streaming=False)


class CallTts(Tts):
    """Twice as fast as the scripted TTS of the harness."""

    def __init__(self) -> None:
        super().__init__(letters_per_second=20)
