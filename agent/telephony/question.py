"""A question whose answer is judged by code: no model comes between the caller and what it means.

While it is open, nothing that the caller says or types reaches the language model.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

from livekit.agents import AgentTask, ModelSettings, StopResponse, ToolError, llm

from .keys import Keys

T = TypeVar("T")


class Question(AgentTask[T]):
    """Asks, and waits for keys or words that answer it.

    Args:
        ask: What is said first.
        again: What is said when an answer was not understood, or none came.
        keys: Tells of the keys that are pressed; None for somebody who has none.
        answer_timeout: Longest silence of keys and voices, in seconds, before it is asked again.
        tries: How often it is asked in all.
        heard_out: Whether it is asked to its end whatever the caller does meanwhile: what they say
            then is no answer, and the key that they pressed last is one only after it.

    Raises:
        livekit.agents.ToolError: It was never answered.
    """

    def __init__(
        self,
        *,
        ask: str,
        again: str,
        keys: Keys | None,
        answer_timeout: float,
        tries: int = 2,
        heard_out: bool = False,
    ) -> None:
        super().__init__(
            instructions="",
            turn_handling={"preemptive_generation": {"enabled": False}},
        )
        self._ask, self._again = ask, again
        self._answer_timeout, self._tries = answer_timeout, tries
        self._heard_out = heard_out
        self._asked = not heard_out
        self._source = keys
        self._no_more_keys: Callable[[], None] | None = None
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._waiting: asyncio.Task[None] | None = None

    @abstractmethod
    def pressed(self, key: str) -> T | None:
        """What a key answers; None to wait for another."""

    @abstractmethod
    def said(self, words: str) -> T | None:
        """What words answer; None if it was not understood."""

    def timed_out(self) -> T | None:
        """What the silence after keys answers; None to ask again."""
        return None

    async def on_enter(self) -> None:
        """Ask."""
        if self._source:
            self._no_more_keys = self._source.listen(self._keys.put_nowait)
        self._waiting = asyncio.create_task(self._wait())

    async def on_exit(self) -> None:
        """Stop listening to the keys."""
        if self._no_more_keys:
            self._no_more_keys()
        if self._waiting:
            self._waiting.cancel()

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        """Judge what was said, and keep it from the model."""
        self._judge(new_message)
        raise StopResponse

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[str, None]:
        """Judge what was typed: LiveKit asks for a reply to that, and gets none."""
        typed = [message for message in chat_ctx.messages() if message.role == "user"]
        if typed:
            self._judge(typed[-1])
        return
        yield ""  # which makes it a generator, of nothing

    def _judge(self, message: llm.ChatMessage) -> None:
        if not self._asked:  # it began before the question did
            return
        answer = self.said(message.text_content or "")
        if answer is not None:
            self._answer(answer)
        else:
            self._ask_again()

    async def _wait(self) -> None:
        """Take keys; each starts the timeout anew, and so does anyone's voice."""
        asking = self.session.say(self._ask, allow_interruptions=not self._heard_out)
        if self._heard_out:
            await asking.wait_for_playout()
            self._asked = True
            while self._keys.qsize() > 1:
                self._keys.get_nowait()
        while not self.done():
            try:
                async with asyncio.timeout(self._answer_timeout):
                    key = await self._keys.get()
            except TimeoutError:
                if "speaking" in (self.session.agent_state, self.session.user_state):
                    continue
                answer = self.timed_out()
                if answer is None:
                    self._ask_again()
            else:
                self.session.interrupt()  # whoever presses a key need not hear the rest
                answer = self.pressed(key)
            if answer is not None:
                self._answer(answer)

    def give_up(self) -> None:
        """Stop waiting for an answer."""
        if not self.done():
            self.complete(ToolError("The call has ended."))

    def _answer(self, answer: T) -> None:
        if not self.done():
            self.complete(answer)

    def _ask_again(self) -> None:
        if self.done():
            return
        self._tries -= 1
        if self._tries > 0:
            self.session.say(self._again)
        else:
            self.complete(ToolError("The caller gave no answer."))
