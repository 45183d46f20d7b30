"""A warm transfer: somebody is called and told who is there, and then both can talk.

LiveKit's own task for it moves the second call from one room to another, which its open-source
server does not implement (MoveParticipant). Here both calls are in one room from the start, and
until the second has agreed, neither hears the other: the server withholds their tracks.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from livekit import api, rtc
from livekit.agents import utils

from ..languages import words
from .hold_music import hold_music
from .no_answer import FAILURES, NotTaken
from .saying import begin
from .sip_call import HungUp

if TYPE_CHECKING:
    from .call_control import CallControl

COLLEAGUE = "colleague"
"""Identity in the room of whoever is called."""

_ACCEPT_KEY = "1"
"""The key that accepts the call. An answering machine does not press it."""
_ACCEPT_TIMEOUT = 45.0
"""Seconds from the answer to the key: a briefing of two sentences takes 15."""
_JOIN_TIMEOUT = 5.0
"""Seconds from the answer to the news of it in the room."""
_REPEAT = 0.1
"""Seconds in which the two calls may hear each other until it is noticed: half a word."""


class AudioIsolation:
    """Who hears whom, while two calls in one room have not been connected.

    Args:
        room: The agent's connection to it.
        server: LiveKit's API.
        caller: Identity of the first call.
        colleague: Identity of the second.
    """

    def __init__(self, room: rtc.Room, server: api.LiveKitAPI, caller: str, colleague: str) -> None:
        self._room, self._server = room, server
        self._caller, self._colleague = caller, colleague

    def speak_to_colleague(self, speech: list[str], music: list[str]) -> None:
        """Let the caller hear only the music, the other only the agent: sids of its tracks."""
        self._room.local_participant.set_track_subscription_permissions(
            allow_all_participants=False,
            participant_permissions=[
                rtc.ParticipantTrackPermission(
                    participant_identity=self._caller, allowed_track_sids=music
                ),
                rtc.ParticipantTrackPermission(
                    participant_identity=self._colleague, allowed_track_sids=speech
                ),
            ],
        )

    def speak_to_all(self) -> None:
        """Let everybody hear the agent."""
        self._room.local_participant.set_track_subscription_permissions(allow_all_participants=True)

    async def keep_apart(self) -> None:
        """Let neither call hear the other, until cancelled.

        This is repeated, because the SIP service subscribes to what is in the room when a call
        joins and once more when it is answered, and the server takes back only what it has granted.
        """
        while True:
            with contextlib.suppress(api.TwirpError):  # one of them has just left
                await self.connect(False)
            await asyncio.sleep(_REPEAT)

    async def connect(self, together: bool) -> None:
        """Let the two calls hear each other, or not."""
        await asyncio.gather(
            self._subscribe(self._caller, self._tracks(self._colleague), together),
            self._subscribe(self._colleague, self._tracks(self._caller), together),
        )

    async def _subscribe(self, identity: str, tracks: list[str], subscribe: bool) -> None:
        if tracks and identity in self._room.remote_participants:
            await self._server.room.update_subscriptions(
                api.UpdateSubscriptionsRequest(
                    room=self._room.name, identity=identity, track_sids=tracks, subscribe=subscribe
                )
            )

    def _tracks(self, identity: str) -> list[str]:
        participant = self._room.remote_participants.get(identity)
        return list(participant.track_publications) if participant else []


async def accepted(room: rtc.Room, colleague: str, within: float) -> bool:
    """Whether somebody presses the key that takes the call ``within`` so many seconds."""
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def on_key(key: rtc.SipDTMF) -> None:
        if key.participant and key.participant.identity == colleague and not answer.done():
            answer.set_result(key.digit == _ACCEPT_KEY)

    def on_left(participant: rtc.RemoteParticipant) -> None:
        if participant.identity == colleague and not answer.done():
            answer.set_result(False)

    room.on("sip_dtmf_received", on_key)
    room.on("participant_disconnected", on_left)
    try:
        async with asyncio.timeout(within):
            return await answer
    except TimeoutError:
        return False
    finally:
        room.off("sip_dtmf_received", on_key)
        room.off("participant_disconnected", on_left)


async def warm_transfer(control: CallControl, address: str, summary: str) -> None:
    """Call somebody, brief them, and connect them with the caller.

    Args:
        control: The control of the call; its caller hears music meanwhile.
        address: Whom to call.
        summary: What they are told.

    Raises:
        NotAllowed: They may not be called, or not now.
        NoAnswer: They did not pick up.
        NotTaken: They did, and did not take the call.
        HungUp: The caller has gone.
    """
    room, us, session = control.room, control.room.local_participant, control.session
    isolation = AudioIsolation(room, control.server, control.user_identity, COLLEAGUE)

    session.input.set_audio_enabled(False)
    apart = asyncio.create_task(isolation.keep_apart())
    has_accepted = False
    try:
        speech = list(us.track_publications)
        async with hold_music(room):
            music = [sid for sid in us.track_publications if sid not in speech]
            isolation.speak_to_colleague(speech, music)
            dialling = control.dialler.dial(
                address, order="warm_transfer", room=room.name, identity=COLLEAGUE
            )
            await control.until_hang_up(dialling)
            await control.until_hang_up(_joined(room, COLLEAGUE))
            briefing = words(control.language).phone.briefing.format(summary=summary)
            said = begin(session, briefing, allow_interruptions=False, add_to_chat_ctx=False)
            if said is None:
                raise HungUp
            has_accepted = await control.until_hang_up(
                accepted(room, COLLEAGUE, within=_ACCEPT_TIMEOUT)
            )
            said.interrupt(force=True)  # whoever has decided need not hear the rest
            if not has_accepted:
                raise NotTaken
    finally:
        await utils.aio.cancel_and_wait(apart)
        isolation.speak_to_all()
        if not has_accepted:
            control.spawn(_remove(control, COLLEAGUE))  # nobody needs to wait for that
            session.input.set_audio_enabled(True)
    await isolation.connect(True)
    await control.hand_over(COLLEAGUE)


async def _joined(room: rtc.Room, identity: str) -> None:
    """Wait until somebody who has picked up is seen in the room, too.

    Raises:
        NotTaken: They hung up before that.
    """
    try:
        async with asyncio.timeout(_JOIN_TIMEOUT):
            await utils.wait_for_participant(room, identity=identity)
    except TimeoutError as e:
        raise NotTaken from e


async def _remove(control: CallControl, identity: str) -> None:
    if identity not in control.room.remote_participants:
        return  # LiveKit takes its time to say so
    # It has just gone, or LiveKit does not answer.
    with contextlib.suppress(*FAILURES):
        await control.server.room.remove_participant(
            api.RoomParticipantIdentity(room=control.room.name, identity=identity)
        )
