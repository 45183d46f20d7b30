"""What the model can do on the phone: each of these is given to it, or not, by ``phone.tools``.

Whatever costs money asks the caller first, and a name or number that the settings do not allow is
refused, here and in :mod:`agent.telephony.dial`: nothing of that depends on the prompt.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, get_args

from livekit import api
from livekit.agents import StopResponse, ToolError, function_tool
from livekit.agents.beta.workflows.utils import DtmfEvent, dtmf_event_to_code
from livekit.agents.llm import Tool, ToolResult, Toolset
from livekit.agents.types import NOT_GIVEN, NotGivenOr

from ..languages import Phone, words
from ..phone_settings import PhoneTool
from ..post_call import OutboxError
from ..routing_settings import Destination
from .call_tools import CallTools, sentence
from .consent import Consent
from .details import Callback
from .digits import AskForDigits
from .ledger import Attempt
from .no_answer import FAILURES, NoAnswer, NotTaken
from .numbers import NotAllowed, country_of, told
from .outbound import OutboundCall, dispatch_outbound_call
from .saying import say
from .sip_call import HungUp
from .warm_transfer import warm_transfer

if TYPE_CHECKING:
    from .call_control import CallControl

logger = logging.getLogger("parley")

_KEY_PAUSE = 0.3
"""Seconds from key to key. LiveKit's own tool leaves as many: an IVR wants to see them apart."""
_MOST_KEYS = 32
"""Keys pressed in a row: a card's number and its date, and ten seconds of nothing else."""
_LONGEST_MESSAGE = 500
"""Characters that the model may have us say: 40 seconds. A caller has to hear a message to its end
before they agree to it."""


_LONGEST_WHEN = 100
"""Characters of a time to be called back."""
_SHORTEST_NUMBER, _LONGEST_NUMBER = 6, 15
"""Digits of a number to be called back on; E.164 has 15 at most."""


class PhoneTools(CallTools):
    """The tools of one conversation in a room.

    Args:
        control: The control of its call.
    """

    def __init__(self, control: CallControl) -> None:
        super().__init__(control)
        self._control = control

    def offered(self, among: Collection[str] = get_args(PhoneTool)) -> list[Tool | Toolset]:
        """Those that the settings give to the model; in a browser only a call to somebody else."""
        if not self._control.dialler.details.arrive:  # nobody would get the request
            among = [name for name in among if name != "request_callback"]
        return super().offered(among if self._control.sip_call else ("place_call",))

    @function_tool
    async def request_callback(self, reason: str, when: str) -> str:
        """Note that the user wants to be called back by a person.

        Args:
            reason: What about, in one or two sentences.
            when: When it suits them, in their words; "any time" if they did not say.
        """
        reason = sentence("reason", reason, _LONGEST_MESSAGE)
        when = sentence("when", when, _LONGEST_WHEN)
        number = await self.note_callback(reason, when)
        return f"It is noted: they are called back on the number ending in {number[-2:]}."

    async def note_callback(self, reason: str, when: str) -> str:
        """Send on that the caller wants to be called back.

        Returns:
            The number, which they are asked for if it is withheld.

        Raises:
            ToolError: It is not.
        """
        control = self._control
        number = control.sip_call.number if control.sip_call else None
        number = number or await self._number_to_call()
        try:
            await control.dialler.details.ask_back(Callback(reason, when, control.language, number))
        except OutboxError as e:
            logger.error("a request to be called back is lost", extra={"reason": str(e)})
            raise ToolError("The request could not be noted. Tell the user so.") from e
        return number

    async def _number_to_call(self) -> str:
        control = self._control
        ask = AskForDigits(
            self._say.callback_number,
            least=_SHORTEST_NUMBER,
            most=_LONGEST_NUMBER,
            language=control.language,
            keys=control.keys,
            answer_timeout=control.settings.answer_timeout,
        )
        country = control.settings.country
        if country is None and control.sip_call:
            country = country_of(control.sip_call.trunk_number)
        digits = await control.ask(ask)
        return told(digits, country) or digits

    @function_tool
    async def press_keys(self, keys: str) -> str:
        """Press keys of the phone, for a menu at the other end that asks for them.

        Args:
            keys: Digits, * and #, in order.
        """
        keys = keys.replace(" ", "")
        if not 1 <= len(keys) <= _MOST_KEYS:
            raise ToolError(f"From 1 to {_MOST_KEYS} keys can be pressed at once.")
        try:
            events = [DtmfEvent(key) for key in keys]
        except ValueError as e:
            raise ToolError("Only digits, * and # can be pressed.") from e
        for event in events:
            await self._control.room.local_participant.publish_dtmf(
                code=dtmf_event_to_code(event), digit=event.value
            )
            await asyncio.sleep(_KEY_PAUSE)
        return f"{len(events)} keys were pressed."

    @function_tool
    async def transfer_call(self, destination: str) -> ToolResult:
        """Put the user through to somebody else and leave the call.

        Args:
            destination: One of the names that you were given.
        """
        control = self._control
        known = self._destination(destination)
        if control.sip_call is None:
            raise ToolError("The user is not on the phone.")
        await self._agreed(self._say.confirm_transfer.format(name=destination))
        await self._tell(self._say.transferring, allow_interruptions=False)
        try:
            await control.dialler.transfer(
                known.address, room=control.room.name, identity=control.sip_call.identity
            )
        except NotAllowed as e:
            return await self._refused(e)
        except NoAnswer as e:
            return await self._missed(f"The user could not be put through: {e}.", e)
        control.hang_up()
        raise StopResponse

    @function_tool
    async def warm_transfer(self, destination: str, summary: str) -> ToolResult:
        """Call somebody, tell them why the user calls, and connect the two if they agree.

        Args:
            destination: One of the names that you were given.
            summary: What the user wants, in one or two sentences, for whoever is called.
        """
        control = self._control
        known = self._destination(destination)
        if known.address.startswith("sip:"):  # LiveKit's service dials numbers alone
            raise ToolError(f"{destination} can be reached by transfer_call only.")
        summary = sentence("summary", summary, _LONGEST_MESSAGE)
        await self._agreed(self._say.confirm_warm_transfer.format(name=destination))
        await self._tell(self._say.calling.format(name=destination), allow_interruptions=False)
        try:
            await warm_transfer(control, known.address, summary)
        except HungUp:
            pass
        except NotAllowed as e:
            return await self._refused(e)
        except NoAnswer as e:
            return await self._missed(f"{destination} could not be reached: {e}.", e)
        except NotTaken:
            await self._tell(self._say.not_taken.format(name=destination))
            return ToolResult(
                f"{destination} picked up, but the call was not taken. The user was told."
            )
        raise StopResponse

    @function_tool
    async def place_call(self, number: str, message: str) -> ToolResult:
        """Call somebody else and give them a message; the present conversation goes on.

        Args:
            number: Their number with country code, such as +12025550143.
            message: What they are told, in full sentences.
        """
        control = self._control
        try:
            number = control.dialler.allowed(number)
        except NotAllowed as e:
            await control.dialler.refuse("place_call", number, e)
            return await self._refused(e)
        message = sentence("message", message, _LONGEST_MESSAGE)
        await self._agreed(self._say.confirm_call.format(number=" ".join(number), message=message))
        try:
            attempt = await self._placed(number, message)
        except NotAllowed as e:
            return await self._refused(e)
        except NoAnswer as e:
            return await self._missed(f"Nobody took the call: {e}.", e, reply=False)
        control.spawn(self._follow(attempt))
        return ToolResult(
            "The call is being placed. If nobody takes it, the user is told, and so are you."
        )

    async def _follow(self, attempt: Attempt) -> None:
        """Tell the caller, and by the history the model, if nobody takes a call that rings."""
        try:
            await self._control.dialler.answered(attempt)
        except NotAllowed as e:
            logger.info("a call was not placed", extra={"reason": str(e)})
            await say(self._control.session, self._say.refused["unable"])
        except NoAnswer as e:
            await say(self._control.session, self._say.missed[e.reason])

    async def _placed(self, number: str, message: str) -> Attempt:
        """Have another agent place a call, and wait until one does.

        Raises:
            NotAllowed: The limits are used up, or no agent is free.
            NoAnswer: Nobody took it, which is known already.
        """
        control = self._control
        attempt = await control.dialler.order(number)
        call = OutboundCall(
            number=number, message=message, language=control.language, attempt=attempt.id
        )
        try:
            room = await dispatch_outbound_call(control.server, call, agent=control.agent)
        except FAILURES as e:
            logger.error("a call cannot be placed", extra={"reason": str(e)})
            await control.dialler.call_off(attempt)
            return attempt  # an agent has just taken it: only LiveKit's answer was lost
        try:
            await control.dialler.taken(attempt)
        except (NotAllowed, NoAnswer):
            with contextlib.suppress(*FAILURES):  # it is gone, or goes
                await control.server.room.delete_room(api.DeleteRoomRequest(room=room))
            raise
        return attempt

    async def _refused(self, why: NotAllowed) -> ToolResult:
        """Tell the caller and the model that a call was refused, and why.

        The caller is told by the code: a model may say that all went well.

        Raises:
            ToolError: The number was not one, for which the model can ask once more.
        """
        if why.reason == "number":
            raise ToolError(str(why)) from why
        await self._tell(self._say.refused[why.reason])
        return ToolResult(f"{why} The user was told.", reply_required=False)

    async def _missed(self, what: str, why: NoAnswer, *, reply: bool = True) -> ToolResult:
        """Tell the caller and the model that nobody took a call.

        Args:
            what: What the model is told.
            why: What the network said.
            reply: Whether the caller, who was to speak with somebody else, now speaks with it.
        """
        await self._tell(self._say.missed[why.reason])
        return ToolResult(f"{what} The user was told.", reply_required=reply)

    async def _tell(self, text: str, *, allow_interruptions: NotGivenOr[bool] = NOT_GIVEN) -> None:
        """Say something to the caller.

        Raises:
            StopResponse: They have gone, so that nothing is to be done for them any more.
        """
        if not await say(self._control.session, text, allow_interruptions=allow_interruptions):
            raise StopResponse

    @property
    def _say(self) -> Phone:
        return words(self._control.language).phone

    def _destination(self, name: str) -> Destination:
        known = self._control.settings.destinations
        for candidate, destination in known.items():
            if candidate.casefold() == name.strip().casefold():
                return destination
        raise ToolError(f"There is no {name!r}. There are: {', '.join(known) or 'none'}.")

    async def _agreed(self, question: str) -> None:
        control = self._control
        consent = Consent(
            question,
            language=control.language,
            keys=control.keys,
            answer_timeout=control.settings.answer_timeout,
        )
        agreed = await control.ask(consent)
        if not agreed:
            raise ToolError("The user does not want that.")
