"""What may happen to an attempt, whatever it is stored in."""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

from ...phone_settings import PhoneSettings
from ...settings import Settings, SettingsError
from ...state import state_folder
from ...store_address import file_at
from ..numbers import NotAllowed, Reason
from .attempt import (
    CLAIMED,
    DAY,
    Attempt,
    Change,
    LedgerError,
    LedgerStore,
    Limits,
    Order,
    State,
    granted,
)

logger = logging.getLogger("parley")

_LOOK = 0.2
"""Seconds between two looks at what became of an order."""


class Ledger:
    """Grants attempts to call, and keeps what became of them.

    Args:
        store: Where they are kept; closed with the ledger.
        settings: The limits.
    """

    def __init__(self, store: LedgerStore, settings: PhoneSettings) -> None:
        self._store = store
        self._limits = Limits(settings.calls_per_minute, settings.minutes_per_day)
        self._longest = math.ceil(settings.max_minutes)
        self.since, self.forgets, self.aclose = store.since, store.forgets, store.aclose

    async def order(self, order: Order, number: str, ordered_in: str = "") -> Attempt:
        """Enter an attempt that is about to be made, with the minutes that it may take.

        Args:
            order: Who wants it.
            number: Who is called, masked.
            ordered_in: Room of the conversation that it is ordered in.

        Raises:
            NotAllowed: The limits are used up, or nothing can be entered.
        """
        # A transfer leaves the call to the provider: its minutes are not ours to bound.
        minutes = 0 if order == "transfer_call" else self._longest
        wanted = Attempt(uuid.uuid4().hex, order, ordered_in, number, minutes=minutes)
        try:
            entered = await self._store.enter(
                wanted, lambda attempt, used: granted(attempt, used, self._limits)
            )
        except LedgerError as e:
            logger.error("calls cannot be counted, so none is placed", extra={"reason": str(e)})
            raise NotAllowed("Calls cannot be placed now.") from e
        _unless_refused(entered)
        return entered

    async def refuse(
        self, order: Order, number: str, why: NotAllowed, ordered_in: str = ""
    ) -> None:
        """Enter an attempt that was refused before it came to the limits."""
        refused = Attempt(
            uuid.uuid4().hex, order, ordered_in, number,
            state="refused", reason=why.reason, why=str(why),
        )  # fmt: skip
        await _written(lambda: self._store.enter(refused, lambda attempt, _: attempt))

    async def claim(self, attempt: str, room: str, identity: str) -> Attempt:
        """Take an order: the call is dialled now.

        Args:
            attempt: Its identifier.
            room: Room of the call.
            identity: Whoever is called, in that room.

        Raises:
            NotAllowed: It was refused, came too late, was taken by another room, is unknown, or the
                ledger cannot be written.
        """

        def take(known: Attempt, now: float) -> Attempt:
            if known.state == "ordered" and now - known.at > CLAIMED:
                return _refused(known, "No agent was free for that call.")
            # One that the agent before this one was dialling when it died.
            again = known.state == "calling" and known.room == room
            if known.state != "ordered" and not again:
                return known
            return replace(known, state="calling", room=room, identity=identity)

        try:
            known = await self._store.change(attempt, take)
        except LedgerError as e:
            logger.error("calls cannot be counted, so none is placed", extra={"reason": str(e)})
            raise NotAllowed("Calls cannot be placed now.") from e
        if known is None:
            raise NotAllowed("That call was never ordered.")
        _unless_refused(known)
        if known.state != "calling" or known.room != room:
            raise NotAllowed("That call has been made.")
        return known

    async def taken(self, attempt: str, within: float) -> Attempt | None:
        """Wait until an agent has taken an order; call it off if none does.

        Args:
            attempt: Its identifier.
            within: Seconds to wait.

        Returns:
            The attempt, which may have failed at once; None if it was taken in the last moment.

        Raises:
            NotAllowed: It was refused, or nobody was free.
        """
        known = await self._past(("ordered",), attempt, within)
        if known is None:
            await self.call_off(attempt, "No agent was free for that call.")
        return known

    async def settled(self, attempt: str, within: float) -> Attempt | None:
        """Wait until a call was answered, or was not.

        Args:
            attempt: Its identifier.
            within: Seconds to wait.

        Returns:
            The attempt; None if that is not known by then.
        """
        return await self._past(("ordered", "calling"), attempt, within)

    async def _past(self, states: tuple[State, ...], attempt: str, within: float) -> Attempt | None:
        deadline = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < deadline:
            known = await self._change(attempt, lambda known, _: known)
            if known and known.state not in states:
                _unless_refused(known)
                return known
            await asyncio.sleep(_LOOK)
        return None

    async def call_off(self, attempt: str, why: str) -> None:
        """Have an order not carried out that nobody has taken yet.

        Raises:
            NotAllowed: With that reason, unless somebody has just taken it.
        """

        def change(known: Attempt, now: float) -> Attempt:
            return _refused(known, why) if known.state == "ordered" else known

        known = await self._change(attempt, change)
        if known is None:
            raise NotAllowed(why)
        _unless_refused(known)

    async def answered(self, attempt: str, call: str) -> None:
        """Note that somebody has picked up.

        Args:
            attempt: Its identifier.
            call: LiveKit's identifier of the call.
        """
        await self._change(
            attempt,
            lambda known, now: (
                replace(known, state="answered", call=call, answered_at=now)
                if known.state == "calling"
                else known
            ),
        )

    async def failed(self, attempt: str, why: str, reason: str) -> None:
        """Note that nobody has picked up, and give its minutes back.

        Args:
            attempt: Its identifier.
            why: What the network said.
            reason: The same in a word; see :data:`agent.languages.Missed`.
        """
        await self._change(
            attempt,
            lambda known, now: (
                replace(known, state="failed", minutes=0, reason=reason, why=why, ended_at=now)
                if known.state == "calling"
                else known
            ),
        )

    async def over(self, attempt: str, lasted: float | None = None) -> None:
        """Note that a call has ended, and give back the minutes that it has not taken.

        Args:
            attempt: Its identifier.
            lasted: Seconds that it took, if that is known better than by the ledger's clock.
        """
        await self._change(attempt, lambda known, now: known.ended(now, lasted))

    async def held(self, room: str, identity: str) -> Attempt | None:
        """The attempt by which somebody is in a room; None if there is none."""
        try:
            attempts = await self._store.since(DAY)
        except LedgerError as e:
            logger.error("the ledger cannot be read", extra={"reason": str(e)})
            return None
        for attempt in reversed(attempts):
            here = (attempt.room, attempt.identity) == (room, identity)
            # A transfer is not what brought them here.
            call = attempt.order != "transfer_call"
            if here and call and attempt.state in ("calling", "answered"):
                return attempt
        return None

    async def _change(self, attempt: str, change: Change) -> Attempt | None:
        return await _written(lambda: self._store.change(attempt, change))


async def _written(work: Callable[[], Awaitable[Attempt | None]]) -> Attempt | None:
    """Write what no call waits for: minutes that are not given back are none that are called."""
    try:
        return await work()
    except LedgerError as e:
        logger.error("the ledger cannot be written", extra={"reason": str(e)})
        return None


def _refused(attempt: Attempt, why: str) -> Attempt:
    return replace(attempt, state="refused", minutes=0, reason="unable", why=why)


def _unless_refused(attempt: Attempt) -> None:
    if attempt.state == "refused":
        known: dict[str, Reason] = {"calls": "calls", "minutes": "minutes"}
        raise NotAllowed(attempt.why, known.get(attempt.reason, "unable"))


def open_ledger(settings: Settings) -> Ledger:
    """Open the ledger of a profile: where it says, else where it keeps its calls in progress.

    Args:
        settings: The profile.

    Raises:
        LedgerError: Its address is wrong.
    """
    url = settings.phone.budget_store or settings.history_store
    if url and not url.startswith("sqlite:"):
        from .redis_store import RedisStore  # its client takes 0.1 s to load, and few need it

        return Ledger(RedisStore(url), settings.phone)
    from .sqlite_store import SqliteStore

    path = file_at(url) if url else state_folder() / "attempts.sqlite3"
    return Ledger(SqliteStore(path), settings.phone)


async def assure(settings: Settings) -> None:
    """Make sure that what is called is remembered, where anything may be.

    Args:
        settings: The profile.

    Raises:
        SettingsError: Calls can be placed, and nothing remembers them.
    """
    try:
        async with aclosing(open_ledger(settings)) as ledger:
            why = await ledger.forgets() if settings.phone.may_cost else None
    except LedgerError as e:
        why = str(e)
    if why:
        where = "the state folder (PARLEY_STATE)"
        if settings.phone.budget_store:
            where = "phone.budget_store"
        elif settings.history_store:
            where = "history_store"
        raise SettingsError(
            "What calls that are placed (phone.trunk, phone.tools) cost would be"
            f" forgotten: {where}: {why.rstrip('.')}. Name a file (sqlite:///PATH) or a Redis that"
            " keeps what it is told as phone.budget_store."
        )
