"""A phone: baresip, told what to do through its keyboard, with a recording for a microphone.

It hangs up when the recording ends, and keeps what it hears in a file.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from .recording import SAMPLE_RATE, Samples
from .resample import resampled

RATES = {"pcmu": 8000, "pcma": 8000, "g722": 16000}
"""Codecs by baresip's names, and their sample rates in Hz."""
_HEADER = 44
"""Bytes of a WAV file before its samples."""

_CONFIG = """
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module g722.so
module srtp.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
audio_player aubridge,none
audio_alert aubridge,none
audio_source aufile,{microphone}
ausrc_srate {rate}
auplay_srate {rate}
snd_path {folder}
sip_listen {address}
{certificate}
"""


class Phone:
    """A phone that runs. Made by :func:`phone`."""

    def __init__(
        self, process: asyncio.subprocess.Process, folder: Path, address: str, rate: int
    ) -> None:
        self.address = address
        self._rate = rate
        self._process = process
        self._folder = folder
        self._log = ""
        self._takes = 0
        self._grown = asyncio.Event()

    @property
    def log(self) -> str:
        """What the phone has said so far."""
        return self._log

    @property
    def heard(self) -> Samples:
        """All that was heard so far, at the harness's sample rate."""
        return self._recorded("dec")

    @property
    def said(self) -> Samples:
        """All that was sent so far, at the harness's sample rate."""
        return self._recorded("enc")

    @property
    def lead(self) -> float | None:
        """How much more has been sent than heard so far, in seconds; None before there is sound.

        Both recordings grow as sound goes out and comes in, so that the same moment is this much
        later in one than in the other.
        """
        sizes = [file.stat().st_size for file in sorted(self._folder.glob("dump-*.wav"))]
        if len(sizes) < 2 or not all(size > _HEADER for size in sizes):
            return None
        heard, said = sizes  # dec, enc
        return (said - heard) / 2 / self._rate

    def dial(self, uri: str) -> None:
        """Call somebody."""
        self._type(f"/dial {uri}\n")

    def accept(self) -> None:
        """Take the call that rings."""
        self._type("/accept\n")

    def hang_up(self) -> None:
        """End the call."""
        self._type("/hangup\n")

    def speak(self, words: Samples) -> None:
        """Say something from now on, in place of what is being said; it hangs up at its end."""
        self._takes += 1
        file = self._folder / f"take{self._takes}.wav"
        _record(file, words, self._rate)
        self._type(f"/ausrc aufile,{file}\n")

    async def press(self, digits: str) -> None:
        """Key in digits, sent as RFC 4733 events; one of them may end the call."""
        for digit in digits:
            sent = re.compile(
                f"send DTMF digit end: '{re.escape(digit)}'|session closed|terminated"
            )
            count = len(sent.findall(self._log))
            self._type(digit)
            async with asyncio.timeout(10):
                while len(sent.findall(self._log)) == count:
                    await self._more()

    async def until(self, pattern: str, *, within: float = 30.0) -> None:
        """Wait for the phone to say something.

        Raises:
            TimeoutError: It did not say so in time; the text is what it did say.
        """
        try:
            async with asyncio.timeout(within):
                while not re.search(pattern, self._log):
                    await self._more()
        except TimeoutError:
            raise TimeoutError(f"no {pattern!r} from the phone: {self._log}") from None

    async def listen(self) -> None:
        """Follow what the phone says, until it ends."""
        assert self._process.stdout
        while chunk := await self._process.stdout.read(4096):
            self._log += chunk.decode(errors="replace")
            self._grown.set()

    def _recorded(self, way: str) -> Samples:
        files = list(self._folder.glob(f"dump-*-{way}.wav"))
        if not files or files[0].stat().st_size <= _HEADER:
            return np.zeros(0, np.int16)  # there was no sound yet
        (file,) = files
        # Not through its header, which tells the length only once the call is over.
        return resampled(np.fromfile(file, np.int16, offset=_HEADER), self._rate, SAMPLE_RATE)

    async def _more(self) -> None:
        self._grown.clear()
        await self._grown.wait()

    def _type(self, text: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(text.encode())


@contextlib.asynccontextmanager
async def phone(
    folder: Path,
    microphone: Samples,
    number: str,
    *,
    codec: str = "pcmu",
    account: str = "",
    port: int | None = None,
    certificate: Path | None = None,
) -> AsyncIterator[Phone]:
    """A phone, for as long as the context lasts.

    Args:
        folder: A new folder for its files.
        microphone: What is said from the moment the call is established, at the harness's rate.
        number: The phone's own number.
        codec: The only codec it offers, of :data:`RATES`.
        account: More account parameters of baresip, such as ``answermode=auto``.
        port: The port at which it is called, from :func:`free_port`; a free one if not given. Over
            TLS it is the next one.
        certificate: With which it is called over TLS: a file in PEM, with the key.
    """
    address = f"127.0.0.1:{port or free_port()}"
    account = f"<sip:{number}@{address}>;regint=0;audio_codecs={codec};{account}\n"
    rate = RATES[codec]
    _furnish(folder, microphone, address, account, rate, certificate)
    process = await asyncio.create_subprocess_exec(
        *("baresip", "-4", "-f", str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    made = Phone(process, folder, address, rate)
    listening = asyncio.create_task(made.listen())
    try:
        await made.until("baresip is ready")
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        await listening


def _furnish(
    folder: Path,
    microphone: Samples,
    address: str,
    account: str,
    rate: int,
    certificate: Path | None,
) -> None:
    folder.mkdir(parents=True)
    _record(folder / "microphone.wav", microphone, rate)
    config = _CONFIG.format(
        microphone=folder / "microphone.wav",
        folder=folder,
        address=address,
        rate=rate,
        certificate=f"sip_certificate {certificate}" if certificate else "",
    )
    (folder / "config").write_text(config)
    (folder / "accounts").write_text(account)


def _record(path: Path, samples: Samples, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(resampled(samples, SAMPLE_RATE, rate).tobytes())


def free_port() -> int:
    """A port that is free for UDP and TCP, the next one free for TCP: baresip takes all three."""
    while True:
        with (
            socket.socket() as tcp,
            socket.socket() as tls,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                udp.bind(("127.0.0.1", port))
                tls.bind(("127.0.0.1", port + 1))
                return port
