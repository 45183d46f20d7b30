"""The words of the prerecorded prompts."""

from __future__ import annotations

from typing import Literal

from agent.settings import Language

Phrase = Literal["wait", "deaf", "again", "sorry", "mute", "goodbye", "cut_off", "go_on"]
"""``wait``: an answer is late. ``deaf``: nothing was recognised of what the user said, yet.
``again``: it will not be. ``sorry``: there is no answer. ``mute``: there is one, to be read.
``goodbye``: too many turns in a row had none. ``cut_off``: the agent before this one has died, and
this one answers what it left unanswered; ``go_on``: it is the user's turn."""

TEXTS: dict[Language, dict[Phrase, str]] = {
    "en": {
        "wait": "One moment, please.",
        "deaf": "I'm having trouble hearing you. One moment, please.",
        "again": "Sorry, I couldn't hear that. Please say it again in a moment.",
        "sorry": "Sorry, I can't answer right now. Please say it again in a moment.",
        "mute": "Sorry, I can't speak right now. Please read what I write.",
        "goodbye": "I'm sorry, this isn't working at the moment. Please try again later. Goodbye!",
        "cut_off": "Sorry, I was cut off.",
        "go_on": "Sorry, I was cut off. Please go on.",
    },
    "zh": {
        "wait": "请稍等一下。",
        "deaf": "我现在听不清你说话，请稍等一下。",
        "again": "抱歉，刚才没有听清，请过一会儿再说一遍。",
        "sorry": "抱歉，我现在回答不了，请过一会儿再说一遍。",
        "mute": "抱歉，我现在说不了话，请看我写的文字。",
        "goodbye": "很抱歉，现在出了些问题，请稍后再试。再见！",
        "cut_off": "抱歉，我刚才断线了。",
        "go_on": "抱歉，我刚才断线了，请接着说。",
    },
}
