"""The interview in text: ``python -m pytest`` in this folder, or of it."""

from pathlib import Path

import pytest

from agent.rehearsal import rehearse

HERE = Path(__file__).parent
TRAVEL = "How do you get to work, and why that way?"
BAD_DAY = "Tell me about the last time that something went wrong on the way."
pytestmark = pytest.mark.asyncio


async def test_the_questions_follow_each_other_to_the_end() -> None:
    async with rehearse(HERE, "I see.", "I see.", "I see.", "I see.", "I see.") as talk:
        for _ in range(5):
            await talk.say("I do that because my mother did it before me.")
        assert talk.said[0].endswith("what do you do for work?")
        assert talk.said[1:] == [
            f"I see. {TRAVEL}",
            f"I see. {BAD_DAY}",
            "I see. If you could change one thing about that journey, what would it be?",
            "I see. Is there anything that I have not asked, and that you would like to say?",
            "I see. That was the last question. Thank you, and goodbye!",
        ]


async def test_whoever_speaks_before_the_greeting_is_asked_the_first_question() -> None:
    async with rehearse(HERE, "Hello.") as talk:
        talk.session.current_agent._chat_ctx.items.clear()
        await talk.say("Hello there")
        assert talk.said[-1] == "Hello. What do you do for work?"


async def test_few_words_are_asked_about_once() -> None:
    async with rehearse(HERE, "A baker.", "Yes.", "Fine.") as talk:
        await talk.say("A baker.")
        assert talk.said[-1] == "A baker. Could you tell me a little more about that?"
        await talk.say("No.")
        assert talk.said[-1] == f"Yes. {TRAVEL}"
        await talk.say("I'd rather not say.")
        assert talk.said[-1] == f"Fine. {BAD_DAY}"


async def test_a_question_that_was_not_understood_is_asked_again() -> None:
    async with rehearse(HERE, "A nurse.", "By bus, say.", "The bus.") as talk:
        await talk.say("I am a nurse in a hospital.")
        await talk.say("What do you mean?")
        assert talk.said[-1] == f"By bus, say. {TRAVEL}"
        await talk.say("I take the bus to the hospital.")
        assert talk.said[-1] == f"The bus. {BAD_DAY}"


@pytest.mark.parametrize(
    ("heard", "then"),
    [("A nurse. How do you", TRAVEL), ("A nurse. How do you get to work, and why that", BAD_DAY)],
)
async def test_a_question_that_was_talked_over_is_asked_again(heard: str, then: str) -> None:
    async with rehearse(HERE, "A nurse.", "I see.") as talk:
        await talk.say("I am a nurse in a hospital.")
        (last,) = talk.session.history.messages()[-1:]
        last.content = [heard]  # as the history has a reply that was cut off
        last.interrupted = True
        agent = talk.session.current_agent
        await agent.update_chat_ctx(talk.session.history)
        await talk.say("I mean, I was one until last year.")
        assert talk.said[-1] == f"I see. {then}"


async def test_it_follows_the_callers_language() -> None:
    async with rehearse(HERE, "A nurse.", "坐公交车。") as talk:
        talk.session.userdata.language = None  # of a caller whose language nobody named
        await talk.say("I am a nurse in a hospital.")
        assert talk.said[-1] == f"A nurse. {TRAVEL}"
        await talk.say("我坐公交车去，因为不用停车。")
        assert talk.said[-1] == "坐公交车。 请讲讲最近一次路上不顺利的经历。"
