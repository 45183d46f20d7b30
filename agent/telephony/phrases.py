"""What is said on the phone in words that are ready, so that no model changes them."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import Language


@dataclass(frozen=True)
class Phrases:
    """The sentences of one language."""

    ending_soon: str
    confirm_transfer: str
    transferring: str
    confirm_warm_transfer: str
    calling: str
    briefing: str
    connected: str
    confirm_call: str


_PHRASES: dict[Language, Phrases] = {
    "en": Phrases(
        ending_soon="Just so you know, this call has to end shortly.",
        confirm_transfer="Shall I put you through to {name}? I'll leave the call then.",
        transferring="I'm putting you through now.",
        confirm_warm_transfer="Shall I call {name} and connect you?",
        calling="One moment please, I'm calling {name}.",
        briefing="A caller for you. {summary} Press 1 to take the call, or hang up.",
        connected="You are connected.",
        confirm_call="Shall I call {number} and say: {message}",
    ),
    "zh": Phrases(
        ending_soon="提醒您，这个通话很快就要结束了。",
        confirm_transfer="要我把电话转给{name}吗？转接后我会离开通话。",
        transferring="正在为您转接。",
        confirm_warm_transfer="要我打给{name}，帮您接通吗？",
        calling="请稍等，我正在打给{name}。",
        briefing="有一位来电者找您。{summary} 接听请按1，不接请挂断。",
        connected="已经接通。",
        confirm_call="要我打给{number}，转告：{message}吗？",
    ),
}


def phrases(language: Language) -> Phrases:
    """The sentences of a language."""
    return _PHRASES[language]
