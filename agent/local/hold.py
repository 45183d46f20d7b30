"""Two engines rest for a moment while the third one needs the processor.

Two cores do not carry a recogniser that looks for the first word of somebody who speaks over the
agent beside a model and a voice that make the rest of the reply: each decode takes three times as
long. A lower priority does not do, since a decode has two threads that wait for each other. So the
model and the voice stop themselves when they are asked to, in the middle of whatever they compute,
by SIGSTOP. A timer of the kernel sends them SIGCONT again: nobody has to be there for it, neither
the one who asked nor they themselves.

The engines speak by datagrams between processes of one user and one machine, on abstract Unix
sockets (unix(7)). A request is the moment until which to rest, on the machine's monotonic clock;
the answer is the moment that was granted.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable

logger = logging.getLogger(__name__)

LONGEST = 0.5
"""Seconds of one rest, three times a decode of a second of speech on two idle cores."""

SHORTEST = 0.05
"""Seconds of rest below which it is not worth a stop."""

MOST = 2.0
"""Seconds of rest in a row, however often it is asked for."""

SHARE = 0.25
"""Share of the time that may be rest, in the long run."""

ANSWER = 0.1
"""Seconds to wait for an answer: an engine that is too busy to give one has missed the moment."""

_CREDENTIALS = struct.Struct("3i")  # struct ucred: process, user, group
_MESSAGE = struct.Struct("d")


def _address(port: int) -> str:
    return f"\0parley-hold-{port}"


def _socket(address: str) -> socket.socket:
    """A socket that tells who sent what it receives."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    sock.bind(address)
    return sock


def _receive(sock: socket.socket) -> tuple[float, int, bytes | str]:
    """Return a message of a process of this user: what it says, its process, and its address."""
    while True:
        data, extra, _, sender = sock.recvmsg(_MESSAGE.size, socket.CMSG_SPACE(_CREDENTIALS.size))
        for level, kind, value in extra:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                process, user, _ = _CREDENTIALS.unpack(value)
                if user == os.getuid() and len(data) == _MESSAGE.size:
                    return _MESSAGE.unpack(data)[0], process, sender


class Alarm:
    """A timer of the kernel that makes this process go on.

    Raises:
        OSError: There is none.
    """

    class _Event(ctypes.Structure):
        # struct sigevent, of 64 bytes.
        _fields_ = (
            ("value", ctypes.c_void_p),
            ("signal", ctypes.c_int),
            ("notify", ctypes.c_int),
            ("rest", ctypes.c_char * 48),
        )

    class _Setting(ctypes.Structure):
        # struct itimerspec
        _fields_ = (
            ("again_seconds", ctypes.c_long),
            ("again_nanoseconds", ctypes.c_long),
            ("seconds", ctypes.c_long),
            ("nanoseconds", ctypes.c_long),
        )

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._libc, "timer_create"):  # before glibc 2.34
            self._libc = ctypes.CDLL("librt.so.1", use_errno=True)
        self._timer = ctypes.c_void_p()
        event = self._Event(signal=signal.SIGCONT)
        self._check(
            self._libc.timer_create(
                time.CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(self._timer)
            )
        )

    def set(self, seconds: float) -> None:
        """Have this process go on if it is stopped in so many seconds, or a multiple of them.

        A single time might be over before it is stopped, on a machine with too much to do.

        Args:
            seconds: The interval; 0 for never any more.
        """
        whole, part = divmod(seconds, 1)
        interval = (int(whole), int(part * 1e9))
        setting = self._Setting(*interval, *interval)
        self._check(self._libc.timer_settime(self._timer, 0, ctypes.byref(setting), None))

    @staticmethod
    def _check(result: int) -> None:
        if result:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


class Budget:
    """How long one may rest: so much at once, and a share of the time in the long run.

    Args:
        now: The time, in seconds.
    """

    def __init__(self, now: float) -> None:
        self._left = MOST
        self._at = now

    def left(self, now: float) -> float:
        """Seconds of rest that are left at a time."""
        self._left = min(MOST, self._left + SHARE * (now - self._at))
        self._at = now
        return self._left

    def spend(self, seconds: float) -> None:
        """Take seconds of rest."""
        self._left -= seconds


def may_be_held(port: int, spare: Callable[[], float]) -> None:
    """Stop this process for a moment whenever the recogniser asks for it, from now on.

    Args:
        port: The engine's, by which it is asked.
        spare: How many seconds of its work nobody would miss.
    """
    try:
        alarm, sock = Alarm(), _socket(_address(port))
    except OSError as e:
        logger.warning("engine cannot be held", extra={"error": str(e)})
        return
    threading.Thread(target=_obey, args=(sock, alarm, spare), name="hold", daemon=True).start()


def _obey(sock: socket.socket, alarm: Alarm, spare: Callable[[], float]) -> None:
    budget = Budget(time.monotonic())
    while True:
        until, _, sender = _receive(sock)
        now = time.monotonic()
        seconds = min(until - now, LONGEST, spare(), budget.left(now))
        granted = seconds >= SHORTEST
        with contextlib.suppress(OSError):  # who asked is gone
            sock.sendto(_MESSAGE.pack(now + seconds if granted else 0.0), sender)
        if granted:
            alarm.set(seconds)
            # Sent to the process, it would reach another thread: this one would go on for a moment,
            # and switch the timer off before it is stopped.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
            alarm.set(0)
            budget.spend(time.monotonic() - now)


class Neighbours:
    """The model and the voice beside a recogniser, asked to rest.

    Args:
        model: Port of the language model.
        voice: Port of the voice. It is asked first: it knows for how long there is sound to play.
    """

    def __init__(self, model: int, voice: int) -> None:
        self._model, self._voice = _address(model), _address(voice)
        self._holders = 0
        self._task: asyncio.Task[None] | None = None
        self.rests = 0
        """How often the voice has granted a rest."""

    @contextlib.asynccontextmanager
    async def resting(self) -> AsyncIterator[None]:
        """Have them rest while the context lasts, as far as they can; any number may ask."""
        self._holders += 1
        if self._task is None:
            self._task = asyncio.create_task(self._hold(), name="hold neighbours")
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                task, self._task = self._task, None
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _hold(self) -> None:
        stopped: set[int] = set()
        with _socket("") as sock:
            sock.setblocking(False)
            try:
                while True:
                    until = time.monotonic() + LONGEST
                    granted = await self._ask(sock, self._voice, until, stopped)
                    if granted:
                        self.rests += 1
                        await self._ask(sock, self._model, granted, stopped)
                    # A voice that has nothing to spare may have in a moment.
                    await asyncio.sleep(max(SHORTEST, granted - time.monotonic()))
                    stopped.clear()
            finally:
                for process in stopped:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, signal.SIGCONT)

    async def _ask(
        self, sock: socket.socket, address: str, until: float, stopped: set[int]
    ) -> float:
        """Return until when one rests, 0 if it does not."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[tuple[float, int]] = loop.create_future()

        def read() -> None:
            with contextlib.suppress(BlockingIOError):
                granted, process, sender = _receive(sock)
                if sender == address.encode() and not answered.done():
                    answered.set_result((granted, process))

        loop.add_reader(sock, read)
        try:
            sock.sendto(_MESSAGE.pack(until), address)
            async with asyncio.timeout(ANSWER):
                granted, process = await answered
        except (OSError, TimeoutError):  # it is not there, or too busy
            return 0.0
        finally:
            loop.remove_reader(sock)
        if granted:
            stopped.add(process)
        return granted
