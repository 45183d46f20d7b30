"""The questions of the interview, one after another, and word for word.

Which is next is read from the history, and that holds what was heard: a question that was talked
over is asked again, and an agent that takes over from one that died goes on where that was.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from livekit.agents import ConversationItemAddedEvent, FlushSentinel, ModelSettings, llm

from agent.authoring import Assistant

QUESTIONS = {
    "en": [
        "What do you do for work?",  # the greeting asks it
        "How do you get to work, and why that way?",
        "Tell me about the last time that something went wrong on the way.",
        "If you could change one thing about that journey, what would it be?",
        "Is there anything that I have not asked, and that you would like to say?",
    ],
    "zh": [
        "您是做什么工作的？",
        "您平时怎么去上班？为什么选择这种方式？",
        "请讲讲最近一次路上不顺利的经历。",
        "如果能改变上班路上的一件事，您想改变什么？",
        "还有什么我没有问到、而您想说的吗？",
    ],
}
MORE = {"en": "Could you tell me a little more about that?", "zh": "能再多讲一点吗？"}
END = {
    "en": "That was the last question. Thank you, and goodbye!",
    "zh": "问题都问完了。谢谢您，再见！",
}
SHORT = 5
"""Words, or Chinese characters, of an answer that is asked about once more."""
REFUSAL = re.compile(
    r"rather not|don't want to|skip|next question|不想说|不方便|跳过|下一个", re.IGNORECASE
)


class Interviewer(Assistant):
    """Adds the next question to what the model says of the last answer."""

    async def on_enter(self) -> None:
        """Begin, and hang up after the last words."""
        self.session.on("conversation_item_added", self._on_item)
        await super().on_enter()

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        """React to the answer, and ask the next question."""
        async with aclosing(super().llm_node(chat_ctx, tools, model_settings)) as reaction:
            async for chunk in reaction:
                yield chunk
        language = "zh" if self.session.userdata.spoken_language() == "zh" else "en"
        yield f" {_next(chat_ctx.messages(), language)}"

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        said = event.item.text_content if isinstance(event.item, llm.ChatMessage) else None
        if said and said.endswith(tuple(END.values())):
            self.session.shutdown()


def _next(messages: list[llm.ChatMessage], language: str) -> str:
    """What to say after the reaction to the last answer."""
    said = [m.text_content or "" for m in messages if m.role == "assistant"]
    answer = next((m.text_content or "" for m in reversed(messages) if m.role == "user"), "")
    asked = [_heard(number, said) for number in range(len(QUESTIONS["en"]))]
    number = asked.index(False) if False in asked else len(asked)
    if answer.rstrip().endswith(("?", "？")) and number:
        return QUESTIONS[language][number - 1]  # once more, after the explanation
    short = len(re.findall(r"\w+" if language == "en" else r"\w", answer)) < SHORT
    if (
        short
        and not REFUSAL.search(answer)
        and 0 < number < len(asked)
        and not said[-1].endswith(MORE[language])
    ):
        return MORE[language]
    return QUESTIONS[language][number] if number < len(asked) else END[language]


def _heard(number: int, said: list[str]) -> bool:
    """Whether two thirds of a question were heard: who answers then has understood it."""
    texts = [each[number] for each in QUESTIONS.values()]
    heard = [text[: len(text) * 2 // 3].lower() for text in texts]
    return any(text in line.lower() for text in heard for line in said)
