"""Brings records from the outbox to where they belong, however often it takes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import aiohttp
from livekit.agents import llm

from ..post_call_settings import PostCallSettings
from ..structured import UnfilledError
from .analysis import analysed
from .databases import open_database
from .outbox import Outbox, OutboxError, Parcel
from .places import Kind, places
from .recording import sound_of
from .stores import FolderStore, RecordStore, RecordStoreError, S3Store
from .webhook import WebhookError, post

logger = logging.getLogger("parley")

_HOUR = 3600.0

DELAYS = (5.0, 300.0, 1800.0, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 10 * _HOUR, 24 * _HOUR, 24 * _HOUR)
"""Seconds from one failure to the next attempt, about as Standard Webhooks proposes: over three
days in all. Then a record waits for ``python -m agent.post_call retry``."""

ANALYSES = 3
"""How often the model is asked: a record that it does not sum up is worth sending without."""

ModelOf = Callable[[str], Awaitable[llm.LLM[Any]]]
"""Makes the model of an agent, which is told by its folder or file; raises UnfilledError."""

LEASE = 30.0
"""Seconds after which what a dead deliverer had in hand is due again."""

POLL = 1.0
"""Seconds from one look into the outbox to the next: other processes put into it."""

AT_ONCE = 8
"""Records in hand: those that wait for a slow webhook do not hold up the others."""


class Deliverer:
    """Delivers until it is cancelled. Several, in several processes, share the work.

    Of another profile's records in the same outbox it takes none, but those that belong to a place
    of its own, too.

    A receiver may get a record twice, by the same id: once more if the deliverer dies before it
    has written down that the record was taken.

    Args:
        settings: The ``post_call`` section of the profile.
        outbox: Where records come from.
        model_of: Makes the model that fills in what is asked about each call; None if nothing is.
            It is asked about one call at a time, so that the calls in progress hardly wait for it,
            and closed.
        delays: Seconds from one failure to the next attempt.
        lease: Seconds after which what a dead deliverer had in hand is due again.
        poll: Seconds from one look into the outbox to the next.
        clock: Seconds since 1970.

    Raises:
        RecordStoreError: What a bucket or a database needs is not installed.
    """

    def __init__(
        self,
        settings: PostCallSettings,
        outbox: Outbox,
        model_of: ModelOf | None = None,
        *,
        delays: Sequence[float] = DELAYS,
        lease: float = LEASE,
        poll: float = POLL,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox, self._model_of, self._webhook = outbox, model_of, settings.webhook
        self._delays, self._lease, self._poll, self._clock = delays, lease, poll, clock
        self._asking = asyncio.Lock()
        self._finishing = asyncio.Event()
        stores: dict[Kind, RecordStore] = {}
        if settings.folder:
            stores["folder"] = FolderStore(settings.folder, settings.days)
        if settings.s3:
            stores["bucket"] = S3Store(settings.s3)
        if settings.database:
            url = settings.database.get_secret_value()
            stores["database"] = open_database(url, settings.days)
        self._stores: Mapping[Kind, RecordStore] = stores
        self._places = places(settings)

    async def run(self) -> None:
        """Deliver what is due, and look again, until it is cancelled or has finished."""
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            in_hand: set[asyncio.Task[None]] = set()
            await self._tidy()
            while True:
                finishing = self._finishing.is_set()  # before looking: what came until then is seen
                due = await self._due(AT_ONCE - len(in_hand))
                for parcel in due:
                    task = tasks.create_task(self._deliver(parcel, session))
                    in_hand.add(task)
                    task.add_done_callback(in_hand.discard)
                if len(in_hand) == AT_ONCE or (finishing and in_hand):
                    await asyncio.wait(in_hand, return_when=asyncio.FIRST_COMPLETED)
                elif finishing:
                    return
                else:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._poll):
                            await self._finishing.wait()

    def finish(self) -> None:
        """Have :meth:`run` end once nothing is due; what failed is not waited for."""
        self._finishing.set()

    async def _tidy(self) -> None:
        try:
            await self._outbox.tidy()
        except OutboxError as e:
            logger.error("old recordings are not deleted", extra={"reason": str(e)})

    async def _due(self, most: int) -> list[Parcel]:
        try:
            return await self._outbox.take(most, self._lease, self._places)
        except OutboxError as e:
            logger.error("records of calls are not sent", extra={"reason": str(e)})
            return []

    async def _deliver(self, parcel: Parcel, session: aiohttp.ClientSession) -> None:
        holding = asyncio.create_task(self._hold(parcel))
        try:
            try:
                record = await self._bring(parcel, session)
            finally:
                holding.cancel()
                await asyncio.gather(holding, return_exceptions=True)
            if parcel.to.kind == "model":
                await self._outbox.forward(parcel, record)
            else:
                await self._outbox.drop(parcel)
                logger.info(
                    "a call's record is delivered", extra={"call": parcel.id, "to": str(parcel.to)}
                )
        except OutboxError as e:
            # The lease ends, and then it is tried again.
            logger.error("the outbox cannot be written", extra={"reason": str(e)})
        except (UnfilledError, RecordStoreError, WebhookError) as e:
            await self._postpone(parcel, e)
        except Exception as e:
            # One record that nobody foresaw is not to hold up the others.
            logger.exception("a call's record cannot be delivered", extra={"call": parcel.id})
            await self._postpone(parcel, e)

    async def _hold(self, parcel: Parcel) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            try:
                await self._outbox.hold(parcel, self._lease)
            except OutboxError as e:
                logger.error("the outbox cannot be written", extra={"reason": str(e)})

    async def _bring(self, parcel: Parcel, session: aiohttp.ClientSession) -> dict[str, Any]:
        if parcel.to.kind == "model":
            return await self._filled(parcel)
        if parcel.to.kind == "webhook":
            assert self._webhook  # no other parcel is taken
            await post(parcel.record, self._webhook, session, self._clock())
        else:
            store = self._stores[parcel.to.kind]
            await store.write(parcel.record, sound_of(parcel.record, self._outbox.folder))
        return parcel.record

    async def _filled(self, parcel: Parcel) -> dict[str, Any]:
        if self._model_of is None or parcel.form is None:
            return parcel.record
        try:
            async with self._asking:
                model = await self._model_of(parcel.to.where)
                try:
                    return await analysed(parcel.record, parcel.form, model)
                finally:
                    await model.aclose()
        except UnfilledError as e:
            if parcel.tries + 1 < ANALYSES:
                raise
            logger.warning("a call is not summed up", extra={"call": parcel.id, "reason": str(e)})
            return {**parcel.record, "unfilled": str(e)}

    async def _postpone(self, parcel: Parcel, error: Exception) -> None:
        due: float | None = None
        wait, gone = (error.wait, error.gone) if isinstance(error, WebhookError) else (0.0, False)
        if parcel.tries < len(self._delays) and not gone:
            # So that a receiver which comes back is not met by all that waited for it at once.
            delay = self._delays[parcel.tries] * random.uniform(1.0, 1.2)
            due = self._clock() + max(delay, wait)
        told = {"call": parcel.id, "to": str(parcel.to), "reason": str(error)}
        if due is None:
            logger.error("a call's record waits to be sent by hand", extra=told)
        else:
            logger.warning("a call's record is sent again later", extra=told)
        try:
            await self._outbox.postpone(parcel, str(error), due)
        except OutboxError as e:
            logger.error("the outbox cannot be written", extra={"reason": str(e)})
