"""The night message: what callers are told outside business hours, by code alone.

No language model is asked, and none is needed: it speaks also while that is down, or off for the
night. The recogniser and the voice are needed.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from livekit.agents import Agent, StopResponse, ToolError, llm

from ..languages import Language, words
from ..phone_settings import PhoneSettings
from ..routing_settings import Night
from .arrival import User
from .call import Call
from .call_control import CallControl
from .consent import Consent
from .numbers import told
from .saying import begin
from .sip_call import HungUp
from .tools import PhoneTools

logger = logging.getLogger("parley")

Offer = Callable[[], Awaitable[None]]
"""Notes that the caller is to be called back, or raises what a tool does that cannot."""


def night_of(phone: PhoneSettings, number: str | None, at: datetime | None = None) -> Night | None:
    """The night message of a call that comes in; None if it is to be answered.

    Args:
        phone: The profile's settings of the phone.
        number: Our number that was called.
        at: When, with its time zone; now if None.
    """
    night = phone.night
    if night is None or phone.hours[night.outside].is_open(at or datetime.now(UTC)):
        return None
    ours = {told(each, phone.country) for each in night.numbers}
    return night if not ours or told(number, phone.country) in ours else None


def night_for(phone: PhoneSettings, user: User) -> Night | None:
    """The night message of somebody who has come; None if they are to be spoken with.

    Args:
        phone: The profile's settings of the phone.
        user: Who has come, or is called.
    """
    called = None if user.outbound_call else user.sip_call
    return night_of(phone, called.trunk_number) if called else None


def message_in_room(night: Night, control: CallControl) -> NightMessage:
    """The message as it is said in a room; it offers a callback if requests for one reach somebody.

    Args:
        night: What is said.
        control: The control of the call.
    """

    async def note() -> None:
        tools = PhoneTools(control)
        await tools.note_callback("called outside business hours", "business hours")

    arrives = control.dialler.details.arrive
    return NightMessage(night, control, control.wait_until_answered, note if arrives else None)


class NightMessage(Agent):
    """Says the message, notes a callback where that is offered, and hangs up.

    Args:
        night: What is said.
        call: The call.
        wait: Returns once there is somebody to hear it; False if they have gone before that.
        note: Notes that they are to be called back; None where nobody would get that.
    """

    def __init__(
        self,
        night: Night,
        call: Call,
        wait: Callable[[], Awaitable[bool]] | None = None,
        note: Offer | None = None,
    ) -> None:
        super().__init__(
            instructions="",
            llm=None,
            turn_handling={"preemptive_generation": {"enabled": False}},
        )
        self._night, self._call, self._wait = night, call, wait
        self._note = note if night.callback else None
        self._no_more_keys: Callable[[], None] | None = None

    async def on_enter(self) -> None:
        """Do all of it."""
        # A key is no answer here: in a media stream it would be one for the model, which is asked.
        self._no_more_keys = self._call.keys.listen(lambda _: None)
        if self._wait and not await self._wait():
            return
        logger.info("a night message answers the call")
        if not await self._say(self._night.text(self._language)):
            return
        try:
            if self._note and await self._wanted():
                await self._note()
                if not await self._say(words(self._language).phone.callback_noted):
                    return
        except (ToolError, HungUp):
            pass  # it was logged where it failed; the caller has gone, or has not answered
        self._call.hang_up()

    async def on_exit(self) -> None:
        """Leave the keys alone."""
        if self._no_more_keys:
            self._no_more_keys()

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        """Keep what is said from the model."""
        raise StopResponse

    @property
    def _language(self) -> Language:
        return self._call.language

    async def _say(self, text: str) -> bool:
        """Say something to its end.

        Returns:
            Whether it was: else the caller has gone, or the server stops and says goodbye.
        """
        speech = begin(self.session, text, allow_interruptions=False)
        if speech is None:
            return False
        await speech
        return not speech.interrupted

    async def _wanted(self) -> bool:
        return await self._call.ask(
            Consent(
                words(self._language).phone.offer_callback,
                language=self._language,
                keys=self._call.keys,
                answer_timeout=self._call.settings.answer_timeout,
            )
        )
