"""Thoughts, calls and marks of a template that a server left in the text."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from livekit.agents.llm import function_tool
from livekit.plugins.vllm._llm.dialects import SpeechFilter

from ..conftest import pay

TOOLS = {
    "look_up": {"properties": {"name": {"type": "string"}}},
    "pay": {"properties": {"to": {"type": "string"}, "amount": {"type": "integer"}}},
}
ADA = ("look_up", {"name": "Ada"})


@function_tool
async def look_up(name: str) -> str:
    """Find somebody."""
    return f"{name} is here"


def pieces_of(text: str) -> list[list[str]]:
    """The text as one piece, in every small size, and cut at random."""
    sizes = [len(text), *range(1, 14)]
    cuts = [[text[i : i + size] for i in range(0, len(text), size)] for size in sizes if size]
    dice = random.Random(text)
    for _ in range(10):
        at, pieces = 0, []
        while at < len(text):
            step = dice.randint(1, 9)
            pieces.append(text[at : at + step])
            at += step
        cuts.append(pieces)
    return cuts


def filtered(
    pieces: list[str], *, tools: dict[str, Any] | None = None, cut_off: bool = False
) -> tuple[str, list[tuple[str, Any]]]:
    """What is spoken of the pieces, and which calls there are in them."""
    speech = SpeechFilter(tools=TOOLS if tools is None else tools)
    said = "".join(map(speech.feed, pieces)) + speech.finish(cut_off=cut_off)
    return said, [(name, json.loads(arguments)) for name, arguments in speech.calls]


@pytest.mark.parametrize(
    "text",
    [
        "<think>hm</think>Hello there.",
        "<thinking>The user says hello.</thinking>Hello there.",
        "<Think>hm</Think>Hello there.",
        "<THINK>hm</THINK>Hello there.",
        "<thought>hm</thought>Hello there.",
        "<reasoning>a < b > c</reasoning>Hello there.",
        "<reflection>hm</reflection>Hello there.",
        "◁think▷hm◁/think▷Hello there.",
        "[THINK]hm[/THINK]Hello there.",
        "<seed:think>hm</seed:think>Hello there.",
        "<|begin_of_thought|>hm<|end_of_thought|>Hello there.",
        '<think type="deep">hm</think >Hello there.',
        "<|channel|>analysis<|message|>The user says hello.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Hello there.<|return|>",
        "<|channel|>analysis<|message|>hm<|start|>assistant<|channel|>final<|message|>Hello there.",
        "analysisThe user says hello.assistantfinalHello there.",
        "Hello there.<|im_end|>",
        "Hello there.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnd you?",
        "Hello there.</s>",
        "Hello there.<end_of_turn>",
        "Hello there.<|im_end|>\n<|im_start|>user\nAnd you?",
        "<|im_start|>assistant\nHello there.",
        "<|start_header_id|>assistant<|end_header_id|>\n\nHello there.",
        "<｜Assistant｜>Hello there.<｜end▁of▁sentence｜>",
        "[INST]Hello there.[/INST]",
        "<think>one</think>Hello <thinking>two</thinking>there.",
        "<think>never closed at all",
        "<analysis>hm</analysis>Hello there.",
        "<internal_monologue>hm</internal_monologue>Hello there.",
        "<inner_thoughts>hm</inner_thoughts>Hello there.",
        "<thinking_process>hm</thinking_process>Hello there.",
        "<longcat_think>hm</longcat_think>Hello there.",
        "<mm:think>hm</mm:think>Hello there.",
        "<think/>Hello there.",
        "<|think|>hm<|/think|>Hello there.",
        "<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>Hello there.<|END_RESPONSE|>",
        "<unused94>thought\nhm<unused95>Hello there.",
        "<|channel>thought\nhm<channel|>Hello there.",
        "<|turn>model\nHello there.<turn|>",
        "<answer>Hello there.</answer>",
        "<think>hm</think><final_answer>Hello there.</final_answer>",
        "<bos>Hello there.<pad><pad>",
        "<|assistant|>\nHello there.<|user|>\nAnd you?",
    ],
)
def test_only_speech_is_spoken(text: str) -> None:
    for pieces in pieces_of(text):
        said, calls = filtered(pieces)
        assert said.strip() == ("" if "never" in text else "Hello there."), pieces
        assert calls == []


@pytest.mark.parametrize(
    "text",
    [
        "Is 2 < 3 and 4 > 3?",
        "Use the <b>bold</b> tag, or <i>.",
        "x <y and z> w",
        "I love you <3 so much",
        'A set is {1, 2, 3} and an object {"a": 1}.',
        "I can pay you (in cash), or you pay me.",
        "Name them: [Anna], [Bo] and [TODO].",
        "The name {name} stays. ```code``` too.",
        "You pay(ed) twice.",
        "analysis of it: fine",
        "An array[0] and a[i] < b[j].",
        'She said: "look_up is a tool".',
        "Look ◁ here ▷ and there",
        "a",
        "pay",
        "price: <",
        "An <answer> tag and </answer>.",
        "I await lookers-on and print(ed) books.",
        "functools is a module.",
        "The thoughts of <reasonable> people.",
        "channel| and turn| are no words.",
        "我想<b>说</b>【三体】{好}",
    ],
)
def test_speech_that_looks_a_little_like_a_mark_is_kept(text: str) -> None:
    for pieces in pieces_of(text):
        assert filtered(pieces) == (text, []), pieces


CALL = '{"name": "look_up", "arguments": {"name": "Ada"}}'


@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>{CALL}</tool_call>",
        f"<tool_call>\n{CALL}\n</tool_call>",
        f"<tool_calls><tool_call>{CALL}</tool_call></tool_calls>",
        f"<tool_call>{CALL}",
        f"<function_call>{CALL}</function_call>",
        f"<|tool_call|>[{CALL}]<|/tool_call|>",
        f"[TOOL_CALLS][{CALL}]",
        '[TOOL_CALLS]look_up{"name": "Ada"}',
        f"<|python_tag|>{CALL}",
        "<function=look_up>\n<parameter=name>\nAda\n</parameter>\n</function>",
        '<function=look_up>{"name": "Ada"}</function>',
        "<tool_call>\n<function=look_up>\n<parameter=name>Ada</parameter>\n</function>\n</tool_call>",
        '<invoke name="look_up"><parameter name="name">Ada</parameter></invoke>',
        "<tool_call>look_up\n<arg_key>name</arg_key>\n<arg_value>Ada</arg_value></tool_call>",
        '<|tool_call_start|>[look_up(name="Ada")]<|tool_call_end|>',
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.look_up:0"
        '<|tool_call_argument_begin|>{"name": "Ada"}<|tool_call_end|><|tool_calls_section_end|>',
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>look_up\n"
        '```json\n{"name": "Ada"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        "<|channel|>commentary to=functions.look_up <|constrain|>json<|message|>"
        '{"name": "Ada"}<|call|>',
        CALL,
        f"[{CALL}]",
        f"```json\n{CALL}\n```",
        '{"name": "look_up", "parameters": {"name": "Ada"}}',
        '{"function": {"name": "look_up", "arguments": "{\\"name\\": \\"Ada\\"}"}}',
        '{"tool": "look_up", "arguments": {"name": "Ada"}}',
        'look_up({"name": "Ada"})',
        'look_up(name="Ada")',
        'functions.look_up({"name": "Ada"})',
        f"<think>I need it.</think>{CALL}",
        f"<tools>{CALL}</tools>",
        f"<TOOLCALL>[{CALL}]</TOOLCALL>",
        f"functools[{CALL}]",
        f"```tool_call\n{CALL}\n```",
        f'{{"tool_calls": [{CALL}]}}',
        '{"action": "look_up", "action_input": {"name": "Ada"}}',
        "<tool_call>{'name': 'look_up', 'arguments': {'name': 'Ada'}}</tool_call>",
        '<minimax:tool_call>\n<invoke name="look_up">\n<parameter name="name">Ada</parameter>\n'
        "</invoke>\n</minimax:tool_call>",
        "<seed:tool_call><function=look_up><parameter=name>Ada</parameter></function>"
        "</seed:tool_call>",
        "<longcat_tool_call>look_up\n<longcat_arg_key>name</longcat_arg_key>\n"
        "<longcat_arg_value>Ada</longcat_arg_value></longcat_tool_call>",
        '<step:invoke name="look_up"><step:parameter name="name">Ada</step:parameter>'
        "</step:invoke>",
        '<function name="look_up">{"name": "Ada"}</function>',
        '<function(look_up)>{"name": "Ada"}</function>',
        '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "look_up", '
        '"parameters": {"name": "Ada"}}]<|END_ACTION|>',
        '<｜DSML｜function_calls><｜DSML｜invoke name="look_up"><｜DSML｜parameter name="name" '
        'string="true">Ada</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜function_calls>',
        '<|tool_call>call:look_up{name:<|"|>Ada<|"|>}<tool_call|>',
        "<start_function_call>call:look_up{name:<escape>Ada<escape>}<end_function_call>",
        '<|python_tag|>look_up.call(name="Ada")',
        '[look_up(name="Ada")]',
        "<tool_code>\nprint(look_up(name='Ada'))\n</tool_code>",
        "```tool_code\nprint(look_up(name='Ada'))\n```",
        '```python\nlook_up(name="Ada")\n```',
    ],
)
def test_a_call_in_the_text_is_no_speech_but_a_call(text: str) -> None:
    for pieces in pieces_of(text):
        said, calls = filtered(pieces)
        assert said.strip() == "", pieces
        assert calls == [ADA], pieces


@pytest.mark.parametrize(
    "text",
    [
        "<think>a <think>b</think> c</think>Hello there.",
        "<think>a <think>b <think>c</think> d</think> e</think>Hello there.",
        "<think>a <reflection>b</reflection> c</think>Hello there.",
        "<thinking>a <analysis>b</thinking>Hello there.",
        "<think>I never write <think> in words.</think>Hello there.",
        "<think>a</think><think>b</think>Hello there.",
        "<|START_THINKING|>a <think>b</think> c<|END_THINKING|>Hello there.",
        "<reasoning>a <think>b</reasoning>Hello <think>c</think>there.",
    ],
)
def test_thoughts_in_thoughts_are_not_spoken(text: str) -> None:
    for pieces in pieces_of(text):
        said, calls = filtered(pieces)
        assert said.strip() == "Hello there.", pieces
        assert calls == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a <think>b</think> c</think>Hello there.", "Hello there."),
        ("a</think>Hello there.", "Hello there."),
        ("I speak of <think> only.</think>Hello there.", "Hello there."),
        ("Hello there.", "Hello there."),
    ],
)
def test_thoughts_in_a_thought_that_the_prompt_opened(text: str, said: str) -> None:
    for pieces in pieces_of(text):
        speech = SpeechFilter(open=True)
        assert "".join(map(speech.feed, pieces)) + speech.finish(cut_off=False) == said
        assert speech.stayed_open is (text == said)


REACT = "Thought: I need to look her up.\nAction: look_up\nAction Input: "


@pytest.mark.parametrize(
    "text",
    [
        '<look_up>{"name": "Ada"}</look_up>',
        "<look_up><name>Ada</name></look_up>",
        "<look_up>\n  <name>\nAda\n</name>\n</look_up>",
        '<look_up name="Ada"></look_up>',
        '<look_up name="Ada"/>',
        "<look_up>Ada</look_up>",
        "<tool_call><look_up><name>Ada</name></look_up></tool_call>",
        "<think>hm</think><look_up><name>Ada</name></look_up>",
        f'{REACT}{{"name": "Ada"}}',
        f'{REACT}{{"name": "Ada"}}\nObservation: She is here.\nThought: Done.',
        f"{REACT}Ada",
        f'{REACT}"Ada"\nObservation: None.\nFinal Answer: She is not here.',
        'Action: look_up\nAction Input: {"name": "Ada"}',
        "Action: look_up[Ada]",
        'Action: look_up({"name": "Ada"})',
        'Thought: hm.\nAction: look_up(name="Ada")',
        '**Thought:** hm.\n**Action:** `look_up`\n**Action Input:** `{"name": "Ada"}`',
        'Thought: hm\nAction:\n```\n{"action": "look_up", "action_input": {"name": "Ada"}}\n```',
        'Action: ```json\n{"action": "look_up", "action_input": "Ada"}\n```',
        'Action 1: look_up\nAction Input 1: {"name": "Ada"}',
        'Action: look_up Action Input: {"name": "Ada"}',
        'Tool: look_up\nInput: {"name": "Ada"}',
        '行动：look_up\n行动输入：{"name": "Ada"}',
        "思考：我需要查询。\n动作：look_up\n动作输入：Ada\n观察：无",
        '<tool_name>look_up</tool_name><arguments>{"name": "Ada"}</arguments>',
        "<tool_name>look_up</tool_name>\n<tool_input>Ada</tool_input>",
        "<tool>look_up</tool><tool_input>Ada</tool_input>",
        '<use_tool><tool_name>look_up</tool_name><args>{"name": "Ada"}</args></use_tool>',
        '<use_mcp_tool><tool_name>look_up</tool_name><arguments>{"name": "Ada"}</arguments>'
        "</use_mcp_tool>",
        '<action>look_up("Ada")</action>',
        "<execute>look_up(name='Ada')</execute>",
    ],
)
def test_a_call_that_is_written_out_is_no_speech_but_a_call(text: str) -> None:
    for pieces in pieces_of(text):
        said, calls = filtered(pieces)
        assert said.strip() == "", pieces
        assert calls == [ADA], pieces


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Thought: easy.\nFinal Answer: Hello there.", "Hello there."),
        ("Final Answer: Hello there.", "Hello there."),
        ("Well. <look_up><name>Ada</name></look_up> I am looking.", "Well.  I am looking."),
        ('One moment.\nAction: look_up\nAction Input: {"name": "Ada"}', "One moment."),
        ('One moment. Action: look_up Action Input: {"name": "Ada"}', "One moment."),
        ("请稍等。行动：look_up 行动输入：Ada", "请稍等。"),
        ("Sure: Action: look_up\nAction Input: Ada", "Sure:"),
    ],
)
def test_only_the_answer_is_spoken(text: str, said: str) -> None:
    for pieces in pieces_of(text):
        assert filtered(pieces)[0].strip() == said, pieces


@pytest.mark.parametrize(
    "text",
    [
        "Thought: it is late.",
        "Action: speaks louder than words.",
        "My plan:\nAction: call them.\nObservation: none.",
        "The final answer: 42.",
        "A thought: what if?",
        "Actions speak.\nThoughts: none.",
        "I see. Tool: hammer and nails. Action: movies are fun.",
        "A tool: it is fine. Act two.",
        "工具：锤子。行动：马上开始。",
        "To pay: <pay now> or later.",
        "a < look_up and <look_upper>",
        "Final call.\nA",
    ],
)
def test_words_like_labels_and_tags_are_kept(text: str) -> None:
    for pieces in pieces_of(text):
        assert filtered(pieces) == (text, []), pieces


@pytest.mark.parametrize(
    "text", ["<look_up><name>Ad", "<look_up>{", 'Action: look_up\nAction Input: {"na']
)
def test_a_written_call_that_breaks_off_is_neither_said_nor_made(text: str) -> None:
    for pieces in pieces_of(text):
        assert filtered(pieces, cut_off=True) == ("", [])


def test_words_around_a_call_are_spoken() -> None:
    text = f"One moment. <tool_call>{CALL}</tool_call> I am looking."
    for pieces in pieces_of(text):
        said, calls = filtered(pieces)
        assert said.split() == ["One", "moment.", "I", "am", "looking."]
        assert calls == [ADA]


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "fly", "arguments": {}}</tool_call>',
        "<tool_call>nonsense</tool_call>",
        '<tool_call>{"name": "look_up", "argu',
        '{"name": "look_up", "arguments": {"name": "Ad',
        "<function=fly></function>",
    ],
)
def test_a_call_that_cannot_be_read_is_neither_said_nor_made(text: str) -> None:
    for pieces in pieces_of(text):
        assert filtered(pieces, cut_off=True) == ("", [])


def test_without_tools_a_marked_call_is_no_speech_either() -> None:
    assert filtered([f"Well. <tool_call>{CALL}</tool_call>"], tools={}) == ("Well. ", [])


def test_a_number_for_a_word_stays_a_word() -> None:
    text = (
        "<function=pay><parameter=to>0042</parameter><parameter=amount>5</parameter></function>"
        "<function=look_up><parameter=name>42</parameter></function>"
    )
    _, calls = filtered([text])
    assert calls == [("pay", {"to": "0042", "amount": 5}), ("look_up", {"name": "42"})]


def test_a_thought_that_only_ends_is_left_out_as_far_as_it_was_held(kit: Any) -> None:
    kit.server.chats = [kit.reply("I should greet. </think>Hello there.")]
    assert kit.ask(kit.llm()).text == "Hello there."


def test_a_stray_closing_mark_costs_no_word(kit: Any) -> None:
    kit.server.chats = [kit.reply("Hello there.</think>")]
    assert kit.ask(kit.llm()).text == "Hello there."


def test_what_one_reply_shows_of_its_template_holds_for_the_next(kit: Any) -> None:
    thought = kit.reply("I should", " greet. ", "</think>", "Hello", " there.")
    kit.server.chats = [thought, thought, kit.reply("Good", " day."), thought]

    async def talk() -> list[str]:
        async with kit.llm() as model:
            from .test_pool import ask, conversation

            return [await ask(model, conversation()) for _ in range(4)]

    said = kit.run(talk())
    # The first could not be known; the third shows that it is not always so.
    assert said[1:3] == ["Hello there.", "Good day."]


def test_a_call_in_the_text_is_carried_out(kit: Any) -> None:
    kit.server.chats = [kit.reply("One moment. ", "<tool_", f"call>{CALL}", "</tool_call>")]
    answer = kit.ask(kit.llm(), tools=[look_up, pay])
    assert answer.text.strip() == "One moment."
    (made,) = answer.tool_calls
    assert (made.name, json.loads(made.arguments)) == ADA


def test_a_call_in_the_text_beside_the_real_one_is_not_made_twice(kit: Any) -> None:
    kit.server.chats = [
        [
            kit.delta(content='look_up({"name": "Ada"})'),
            kit.call(0, '{"name": "Ada"}', name="look_up", id="a"),
            kit.delta("tool_calls"),
            kit.DONE,
        ]
    ]
    answer = kit.ask(kit.llm(), tools=[look_up])
    assert answer.text == ""
    assert [c.call_id for c in answer.tool_calls] == ["a"]


def test_tools_that_may_not_be_called_are_not(kit: Any) -> None:
    kit.server.chats = [kit.reply(f"Well. <tool_call>{CALL}</tool_call>")]
    answer = kit.ask(kit.llm(), tools=[look_up], tool_choice="none")
    assert (answer.text.strip(), answer.tool_calls) == ("Well.", [])


def test_data_keeps_its_braces(kit: Any) -> None:
    kit.server.chats = [kit.reply("<think>hm</think>", CALL)]
    answer = kit.ask(kit.llm(), tools=[look_up], structured_outputs={"json": {"type": "object"}})
    assert (answer.text, answer.tool_calls) == (CALL, [])


def test_plain_text_is_passed_on_at_once() -> None:
    speech = SpeechFilter(tools=TOOLS)
    assert [speech.feed(piece) for piece in ("Good", " morning, ", "3 < 4", ".")] == [
        "Good",
        " morning, ",
        "3 < 4",
        ".",
    ]


def test_no_thought_takes_long() -> None:
    import time

    for begin in ("Thought: ", "<think>", "<think><think>", "Action: look_up\n", "<look_up>"):
        words = [begin, *["so it is "] * 4_000]
        begun = time.perf_counter()
        filtered(words)
        assert time.perf_counter() - begun < 2.0, begin


def test_no_text_takes_long() -> None:
    import time

    for text in (
        "<look_up>" * 3_000,
        "\nAction: " * 5_000,
        "Thought: \n" * 5_000,
        "<" * 50_000,
        "{" * 20_000,
        "[" * 20_000,
        "look_up(" * 2_000,
        "<think>" * 9_000,
    ):
        begun = time.perf_counter()
        filtered([text])
        assert time.perf_counter() - begun < 2.0, text[:10]
