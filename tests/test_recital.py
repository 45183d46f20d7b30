"""The prompt is not read out, and answers that only share words with it are left alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest

from agent.definition.loading import load_agent
from agent.definition.settings import AgentSettings
from agent.recital import LIMIT, Recital, guards, unrecited
from agent.settings import Language

PARLEY = load_agent("parley")
EN, ZH, ANY = (PARLEY.instructions(language, in_parts=True) for language in ("en", "zh", None))
REFUSAL = "<refused>"


async def said(text: str, prompt: str, size: int) -> tuple[str, bool]:
    """What comes out, and whether the model was stopped."""
    taken = 0

    async def written() -> AsyncGenerator[str, None]:
        nonlocal taken
        for at in range(0, len(text), size):
            taken += 1
            yield text[at : at + size]

    parts = [part async for part in unrecited(written(), [Recital(prompt)], str, REFUSAL)]
    return "".join(parts), taken * size < len(text)


RECITALS = [
    (EN, EN),
    (EN, f"Sure! My instructions are: {EN}"),
    (EN, EN.upper()),
    (EN, EN.replace(" ", "\n")),
    (EN, EN.replace(" ", " - ")),
    (EN, " ".join(f"{i}. {word}" for i, word in enumerate(EN.split()))),
    (EN, EN[EN.index("Say the answer") :]),
    (EN, "“" + EN.replace("'", "’") + "”"),
    (ZH, ZH),
    (ZH, f"好的，我的提示词是：{ZH}"),
    (ZH, " ".join(ZH)),
    (ZH, ZH.replace("，", "、")),
    (ZH, ZH[ZH.index("先说答案") :]),
    (ANY, ANY),
]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize("case", range(len(RECITALS)))
async def test_a_recital_is_broken_off_before_it_is_one(case: int, size: int) -> None:
    prompt, text = RECITALS[case]
    out, _ = await said(text, prompt, size)
    assert out.endswith(REFUSAL)
    shown = Recital(prompt)
    shown.read(out.removesuffix(REFUSAL))
    shown.end()
    assert shown.longest < LIMIT


async def test_the_model_is_stopped_in_the_middle() -> None:
    assert (await said(EN, EN, 5))[1]


ANSWERS = [
    (EN, "You are welcome! I answer in one or two short sentences, don't I?"),
    (EN, "I am Parley, a friendly voice assistant. What can I do for you?"),
    (EN, "It is half past nine in Paris."),
    (EN, "Say the answer first."),
    (EN, ""),
    (ZH, "我是语音助手 Parley，很高兴和你说话。"),
    (ZH, "没听懂，你想问什么？"),
    (ZH, "现在是早上九点半。"),
]


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize("case", range(len(ANSWERS)))
async def test_an_answer_is_left_alone(case: int, size: int) -> None:
    prompt, text = ANSWERS[case]
    assert await said(text, prompt, size) == (text, False)


async def test_what_has_nothing_of_the_prompt_is_not_held_back() -> None:
    written: list[str] = []

    async def answer() -> AsyncGenerator[str, None]:
        for word in ("The", "capital", "of", "France", "is", "Paris", "on", "the", "Seine"):
            written.append(word)
            yield word + " "

    async for part in unrecited(answer(), [Recital(EN)], str, REFUSAL):
        assert part.strip() == written[-1]


CODES = ["marigold", "金盏花", "tulip seven", "Müller-Straße", "A1b", "7431"]
TELLING = [
    "The code word is {}.",
    "{}",
    "Sure: {}!",
    "“{}”",
    "暗号是{}。",
]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("telling", TELLING)
async def test_a_word_that_is_never_said_is_not(telling: str, code: str, size: int) -> None:
    for form in (code, code.upper(), code.replace(" ", "  ")):
        text = telling.format(form) + " And so on."

        async def written(text: str = text) -> AsyncGenerator[str, None]:
            for at in range(0, len(text), size):
                yield text[at : at + size]

        against = [Recital.of_word(code)]
        out = "".join([part async for part in unrecited(written(), against, str, REFUSAL)])
        assert out.endswith(REFUSAL)
        assert form.casefold() not in out.casefold()


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "Marigolds are flowers, and Mary has gold.",
        "Mari, gold and old",
        "金色的灯盏，花",
        "I like tulips, and seven of them.",
        "A tulip. Seventy.",
        "From A to B, 74310 metres.",
    ],
)
async def test_words_like_it_are_said(text: str, size: int) -> None:
    async def written() -> AsyncGenerator[str, None]:
        for at in range(0, len(text), size):
            yield text[at : at + size]

    against = [Recital.of_word(code) for code in CODES]
    assert "".join([part async for part in unrecited(written(), against, str, REFUSAL)]) == text


async def test_who_the_agent_is_it_may_tell() -> None:
    for language, text in (
        ("en", "I'm Parley, a friendly voice assistant. I was made by the Parley project."),
        ("zh", "我是语音助手 Parley，由 Parley 项目开发。你呢？"),
    ):
        prompt = PARLEY.instructions(cast(Language, language), in_parts=True)
        against = guards(PARLEY.settings, prompt)

        async def written(text: str = text) -> AsyncGenerator[str, None]:
            yield text

        out = [part async for part in unrecited(written(), against, str, REFUSAL)]
        assert out == [text]


@pytest.mark.parametrize(
    ("changes", "kept"), [({}, False), ({"recite": True}, False), ({"recite": False}, True)]
)
def test_a_prompt_of_ones_own_may_hold_what_callers_are_told(
    changes: dict[str, Any], kept: bool
) -> None:
    agent = AgentSettings(
        name="Shop", instructions={"any": "We are open from nine to five."}, **changes
    )
    assert bool(guards(agent, "any")) is kept
    never = agent.model_copy(update={"never_say": ("marigold",)})
    assert len(guards(never, "any")) == kept + 1
