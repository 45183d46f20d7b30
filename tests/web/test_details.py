"""The details of a conversation: shown when asked for, saved as a file, opened again."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from livekit import api, rtc
from livekit.agents.types import TOPIC_TRANSCRIPTION
from livekit.plugins.turn_taking import FALSE_STOP, Clause, Judged
from livekit.plugins.turn_taking.barge_in.policy import Verdict
from playwright.async_api import Browser, Page, expect

from agent.languages import LANGUAGES
from agent.telemetry import STAGES, TOPIC_TURN, FirstWords, Overlap, Turn
from agent.telemetry.engines import ENGINES, FAULTS, SUBSTITUTES, Answerer, Fallback, Fault
from agent.telemetry.report import read, render
from agent.telemetry.turn import Decision, Moments
from harness.livekit_server import LiveKitServer

from .actor import enter, greet
from .conftest import visiting
from .test_participants import enter_as
from .visitor import Visitor

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

QUESTION = 0.6
"""Seconds of it, at least."""
PAUSE = 1.2
"""Seconds of silence between a question and its answer in the conversation below, at least."""
WAY = 0.9
"""Seconds of that which its agent does not count, as if they were those of its network. Nearly all
that is taken for a way: a voice that breaks off on a busy machine and comes back is too late then
to be taken for the answer as well."""


def turn(number: int, *, clause: str = "finished", waited: float = 0.35) -> dict[str, Any]:
    """What the agent tells of a turn; its voice is the stage that lasts as long as it must."""
    moments = Moments(0.0, decided=0.2, text=0.25, unit=0.26, audio=waited - 0.02, played=waited)
    return Turn(
        f"a-{number}", "en", moments, Decision(0.2, clause, 0.91, 2.0, 0.8), answered=True
    ).record()


async def hold(visitor: Visitor, server: LiveKitServer, room: str, path: Path) -> None:
    """A question, an answer, and what the agent tells of them.

    Args:
        path: Where what was heard of both is saved, to be measured.
    """
    async with enter(server.livekit, room) as actor:
        await greet(visitor, actor)
        await actor.tell(FirstWords("a", 0.7).record())
        # The question is what comes after the greeting has died away, and lasts.
        await visitor.silent("voice")
        await asyncio.sleep(QUESTION)
        await visitor.loud("mic")
        await actor.heard("u1", "What is the capital of France?", final=True)
        await visitor.caption(0, "user", "What is the capital of France?", final=True)
        await visitor.page.locator("#mute").click()
        await visitor.mic("muted")
        await asyncio.sleep(PAUSE)  # the pause that is measured
        await actor.state("speaking")
        async with actor.saying("a1") as writer:
            await writer.write("Paris, on the Seine.")
            await visitor.loud("voice")
        await visitor.caption(1, "agent", "Paris, on the Seine.", final=True)
        await actor.state("listening")
        await visitor.agent("listening")
        await visitor.silent("voice")
        await actor.tell(Overlap("a", Judged("backchannel", False, 0.12, 0.43)).record())
        # How long a busy machine took for all that, its own recording tells.
        await save(visitor.page, path)
        await actor.tell(turn(1, waited=pause_of(path) - WAY))
        await expect(visitor.page.locator("#records li")).to_have_count(3)
        await visitor.shoot("31-details", whole=True)


def pause_of(path: Path) -> float:
    """Seconds between the last sound of the user's and the next of the agent's, in a file."""
    saved = read(path)
    user, agent = saved.samples.T.astype(float) / 32_768
    last = np.flatnonzero(np.abs(user) > 0.01)[-1]
    return float(np.argmax(np.abs(agent[last:]) > 0.01)) / saved.rate


async def save(page: Page, path: Path) -> str:
    """Save the conversation; gives the name that the file is to have."""
    async with page.expect_download() as download:
        await page.locator("#save").click()
    await (await download.value).save_as(path)
    return (await download.value).suggested_filename


async def seconds(page: Page, stage: str) -> float:
    shown = page.locator(f"#records [data-stage={stage}] td").last
    return int((await shown.inner_text()).removesuffix(" ms")) / 1000


async def test_details_are_off_until_asked_for_and_remembered(visitor: Visitor, site: str) -> None:
    await visitor.open(site)
    await expect(visitor.body).to_have_attribute("data-details", "off")
    await expect(visitor.page.locator("#open-saved")).to_be_hidden()
    await visitor.page.locator("#start-settings").click()
    await visitor.page.locator("#show-details").check()
    await visitor.page.locator("#settings-close").click()
    await visitor.shoot("30-details-before")
    await visitor.open(site)
    await expect(visitor.body).to_have_attribute("data-details", "on")
    await expect(visitor.page.locator("#open-saved")).to_be_visible()


async def test_a_conversation_is_shown_saved_and_opened_again(
    browser: Browser, site: str, server: LiveKitServer, tmp_path: Path
) -> None:
    path = tmp_path / "parley.zip"
    async with visiting(browser) as visitor:
        page = visitor.page
        await visitor.open(site)
        await visitor.details()
        ticket = await visitor.join()
        await visitor.phase("live")
        began = time.monotonic()
        await hold(visitor, server, ticket["room"], tmp_path / "so-far.zip")

        first, overlap, answer = [page.locator("#records li").nth(i) for i in range(3)]
        await expect(first).to_contain_text("700 ms")
        await expect(overlap).to_contain_text("a backchannel")
        await expect(overlap).to_contain_text("lowered after120 ms")
        await expect(answer).to_contain_text("Turn 1")
        await expect(answer.locator("dl")).to_contain_text("finished")
        await expect(answer.locator("dl")).to_contain_text("91 %")
        names = await answer.locator("tbody th").all_inner_texts()
        assert names[:5] == ["end of turn", "language model", "first unit", "voice", "playout"]
        assert names[5:] == ["transport"]
        bars = [await bar.bounding_box() for bar in await answer.locator("tbody i").all()]
        for before, after in zip(bars, bars[1:], strict=False):
            assert before and after  # noqa: PT018
            assert after["x"] == pytest.approx(before["x"] + before["width"], abs=2.5)
        told = await seconds(page, "transport")
        assert told == pytest.approx(WAY, abs=0.1)

        await page.locator("#leave").click()
        await visitor.phase("ended")
        assert (await save(page, path)).startswith("parley-20")
        lasted = time.monotonic() - began

    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    saved = read(path)
    assert saved.rate == 24_000
    assert PAUSE + QUESTION < saved.seconds < lasted + 30  # as long as it took to begin, at most
    assert [(c.role, c.text) for c in saved.captions] == [
        ("user", "What is the capital of France?"),
        ("agent", "Paris, on the Seine."),
    ]
    assert 0 < saved.captions[0].at < saved.captions[1].at <= saved.seconds
    (kept,) = saved.turns
    assert kept.heard
    assert kept.transport == pytest.approx(told, abs=0.002)
    # Both sides are where they were heard: the user's voice stops, the agent's begins.
    rate, voice, sound = saved.rate, kept.heard.voice, kept.heard.sound
    user, agent = saved.samples.T.astype(float) / 32_768
    question, pause, reply = (
        slice(int(begin * rate), int(end * rate))
        for begin, end in ((voice - 0.5, voice), (sound - 0.2, sound), (sound, sound + 0.5))
    )
    assert np.abs(user[question]).max() > 0.05
    assert np.abs(user[pause]).max() < 0.01
    assert np.abs(agent[pause]).max() < 0.01
    assert np.abs(agent[reply]).max() > 0.1

    async with visiting(browser, locale="zh-CN") as visitor:
        page = visitor.page
        await visitor.open(site)
        await visitor.details()
        await page.locator("#saved-file").set_input_files(path)
        await visitor.phase("opened")
        await visitor.caption(0, "user", "What is the capital of France?", final=True)
        await visitor.caption(1, "agent", "Paris, on the Seine.", final=True)
        await expect(page.locator("#records li")).to_have_count(3)
        assert await seconds(page, "transport") == pytest.approx(told, abs=0.002)
        await expect(page.locator("#records li").nth(1)).to_contain_text("附和")
        await page.locator("#records li[data-kind=turn] button.time").click()
        await page.wait_for_function(
            "at => document.querySelector('#replay').currentTime > at", arg=max(0.0, voice - 2)
        )
        length = await page.locator("#replay").evaluate("audio => audio.duration")
        assert length == pytest.approx(saved.seconds, abs=0.01)
        await visitor.shoot("32-details-opened-zh", whole=True)
        await page.locator("#join").click()  # a new conversation leaves nothing of the old one
        await expect(page.locator("#records li")).to_have_count(0)
        await expect(page.locator("#replay")).to_be_hidden()

    report = tmp_path / "parley.html"
    report.write_text(render(saved), encoding="utf-8")
    async with visiting(browser) as visitor:
        asked: list[str] = []
        visitor.page.on("request", lambda request: asked.append(request.url))
        await visitor.page.goto(report.as_uri())
        await visitor.page.wait_for_function("() => document.querySelector('audio').duration > 0")
        length = await visitor.page.locator("audio").evaluate("audio => audio.duration")
        assert length == pytest.approx(saved.seconds, abs=0.01)
        await visitor.page.locator(".records [data-at]").last.click()
        await visitor.page.wait_for_function(
            "() => document.querySelector('audio').currentTime > 0"
        )
        assert [url for url in asked if not url.startswith(("file:", "blob:"))] == []
        await visitor.shoot("33-report", whole=True)


async def test_switched_on_in_a_conversation_it_is_kept_from_then_on_and_off_it_is_forgotten(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    page = visitor.page
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:
        await greet(visitor, actor)
        await actor.tell(turn(1))
        await expect(page.locator("#records li")).to_have_count(1)  # the list is there already
        await expect(page.locator("#details")).to_be_hidden()
        await page.locator("#settings").click()
        await page.locator("#show-details").check()
        await page.locator("#settings-close").click()
        await expect(page.locator("#records li")).to_be_visible()
        await expect(page.locator("#records [data-stage=transport]")).to_have_count(0)
        await expect(page.locator("#recorded-time")).to_have_text("0:01")
        await page.locator("#settings").click()
        await page.locator("#show-details").uncheck()
        await page.locator("#settings-close").click()
        await expect(page.locator("#details")).to_be_hidden()
        await expect(page.locator("#save")).to_be_hidden()


async def test_only_the_agent_is_believed(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    room = f"details-{secrets.token_hex(4)}"
    await visitor.open(site)
    await visitor.details()
    await enter_as(visitor, server, room, "Anna")
    livekit = server.livekit
    token = api.AccessToken(livekit.api_key, livekit.api_secret).with_identity("ben")
    grants = api.VideoGrants(room_join=True, room=room)
    other = rtc.Room()
    async with enter(livekit, room) as actor:
        await other.connect(livekit.url, token.with_grants(grants).to_jwt())
        try:
            await greet(visitor, actor)
            track = rtc.LocalAudioTrack.create_audio_track("voice", rtc.AudioSource(48_000, 1))
            await other.local_participant.publish_track(track)
            await expect(visitor.page.locator("body > audio")).to_have_count(2)  # is known there
            send = other.local_participant.send_text
            await send(json.dumps(turn(1)), topic=TOPIC_TURN)
            await send("I was here.", topic=TOPIC_TRANSCRIPTION)  # comes after it, in one channel
            await visitor.caption(0, "guest", "I was here.", final=False)
            await actor.tell(turn(2))
            await expect(visitor.page.locator("#records h3")).to_contain_text(["Turn 2"])
            # No answer was heard here, so nothing is claimed of its way.
            await expect(visitor.page.locator("#records [data-stage=transport]")).to_have_count(0)
        finally:
            await other.disconnect()


async def test_another_file_is_refused_in_words(
    visitor: Visitor, site: str, tmp_path: Path
) -> None:
    await visitor.open(site)
    await visitor.details()
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("notes.txt", "no conversation")
    text = tmp_path / "notes.txt"
    text.write_text("no conversation")
    for path in (other, text):
        await visitor.page.locator("#saved-file").set_input_files(path)
        await visitor.notice("not-saved")
        await visitor.page.locator("[data-code=not-saved] .close").click()
        await visitor.phase("idle")


async def test_the_page_has_words_for_all_that_the_agent_decides(
    visitor: Visitor, site: str
) -> None:
    await visitor.open(site)
    for language in LANGUAGES:
        await visitor.choose(language)
        known = await visitor.words("details")
        assert set(known["verdicts"]) == {*(v.value for v in Verdict), FALSE_STOP}
        assert set(known["clauses"]) == {clause.value for clause in Clause}
        assert set(known["stage"]) == {*STAGES, "transport"}
        assert set(known["faults"]) == set(FAULTS)
        assert set(known["substitutes"]) == set(SUBSTITUTES)
        assert set(await visitor.words("models")) >= set(ENGINES)


async def test_engines_that_failed_and_those_that_answered_are_told_in_words(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    page = visitor.page
    gone, other = Answerer("qwen3-8b", "first", 1), Answerer("qwen3-1.7b", "fallback", 2)
    answered = turn(1)
    answered["engines"] = {"stt": [], "llm": [vars(gone), vars(other)], "tts": [vars(gone)]}
    await visitor.open(site)
    await visitor.details()
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:
        await greet(visitor, actor)
        for _ in range(3):
            await actor.tell(Fault("a", "llm", "connection", gone).record())
        await actor.tell(Fallback("a", "llm", "model", other).record())
        await actor.tell(Fault("a", "llm", "late", None).record())
        await actor.tell({**Fault("a", "llm", "late", None).record(), "fault": "asleep"})
        await actor.tell(answered)
        records = page.locator("#records li")
        await expect(records).to_contain_text(
            [
                "Language modelnot there, or broke offwhereqwen3-8b · server 1",
                "Language modelqwen3-1.7b · server 2 · Fallbackinstead ofthe first choice",
                "Language modeltook so long that you were asked to wait",
                "Language modelasleep",
                "Language modelqwen3-8b, qwen3-1.7b · server 2 · FallbackVoiceqwen3-8b",
            ]
        )
        await expect(records.locator("h3")).to_contain_text(
            ["Fault×3", "Fallback", "Fault", "Fault", "Turn 1"]
        )
        await visitor.shoot("34-faults", whole=True)
        await visitor.choose("zh")
        await expect(records.first).to_contain_text(
            "语言模型不在线或中途断开位置qwen3-8b · 服务器 1"
        )
        await visitor.shoot("35-faults-zh", whole=True)


TONES = """async ([from, hertz]) => {
  const { Resampler } = await import("/static/resample.js");
  const made = [], resampler = new Resampler(from, 24000);
  for (let at = 0; at < from; at += 128) {
    const block = Float32Array.from({ length: 128 }, (_, i) => Math.sin(2 * Math.PI * hertz * (at + i) / from));
    made.push(...resampler.push(block));
  }
  return made;
}"""  # noqa: E501


@pytest.mark.parametrize("rate", [48_000, 44_100, 16_000, 24_000])
async def test_sound_is_the_same_at_the_rate_of_the_file(
    visitor: Visitor, site: str, rate: int
) -> None:
    await visitor.open(site)
    made = np.array(await visitor.page.evaluate(TONES, [rate, 1000]))
    assert len(made) == pytest.approx(24_000, abs=80)
    spectrum = np.abs(np.fft.rfft(made[1000:21_000] * np.hanning(20_000)))
    assert np.argmax(spectrum) * 24_000 / 20_000 == pytest.approx(1000, abs=2)
    assert np.sqrt(2 * np.mean(made[1000:21_000] ** 2)) == pytest.approx(1, abs=0.01)
    if rate > 40_000:  # what 24 kHz cannot hold is gone, not folded down to 9 kHz
        gone = np.array(await visitor.page.evaluate(TONES, [rate, 15_000]))
        assert np.abs(gone[1000:21_000]).max() < 0.001


LONG = """async () => {
  const { Recording } = await import("/static/recording.js");
  const { pack, unpack } = await import("/static/saved.js");
  const recording = new Recording();
  const seconds = new Int16Array(10 * 2 * 24000).map((_, i) => i);
  for (let i = 0; i < 200; i++) recording.add(seconds); // 33 minutes
  const started = performance.now();
  const file = await pack(recording.wav(), { started: new Date(), captions: [], records: [] });
  const took = performance.now() - started;
  const opened = await unpack(file);
  return [recording.seconds, recording.full, file.size, opened.loudness.seconds, took];
}"""


async def test_half_an_hour_is_kept_and_no_more(visitor: Visitor, site: str) -> None:
    await visitor.open(site)
    seconds, full, size, opened, took = await visitor.page.evaluate(LONG)
    assert (seconds, full) == (1800, True)
    assert 172_800_000 < size < 172_802_000
    assert opened == pytest.approx(1800)
    assert took < 30_000  # ms


HEARD = """async ([waited, parts]) => {
  const { Loudness } = await import("/static/loudness.js");
  const loudness = new Loudness();
  for (const [seconds, user, agent] of parts) {
    const samples = new Int16Array(Math.round(seconds * 24000) * 2);
    for (let i = 0; i < samples.length; i += 2) {
      samples[i] = user * 32767 * Math.sin(i / 20);
      samples[i + 1] = agent * 32767 * Math.sin(i / 15);
    }
    loudness.add(samples);
  }
  return loudness.answer(waited, 0);
}"""


@pytest.mark.parametrize(
    ("parts", "heard"),
    [
        # seconds, the user's level, the agent's
        ([(1, 0, 0), (1, 0.3, 0), (0.7, 0, 0), (1, 0, 0.3)], (2.0, 2.7)),
        ([(1, 0.01, 0), (1, 0.3, 0), (0.7, 0.01, 0), (1, 0, 0.3)], (2.0, 2.7)),  # a noisy room
        ([(1, 0, 0), (1, 0.3, 0.3), (0.2, 0.3, 0), (0.7, 0, 0), (1, 0, 0.3)], (2.2, 2.9)),
        ([(1, 0.3, 0), (0.7, 0, 0), (1, 0, 0.3), (0.3, 0, 0), (1, 0, 0.3)], (1.0, 1.7)),
        ([(12, 0.3, 0), (0.7, 0, 0), (1, 0, 0.3)], (12.0, 12.7)),  # without a pause
        ([(12, 0.3, 0), (0.7, 0.01, 0), (1, 0.01, 0.3)], (12.0, 12.7)),
        ([(1, 0.3, 0), (0.3, 0, 0), (1, 0, 0.3)], None),  # less than the agent took
        ([(1, 0.3, 0), (2.0, 0, 0), (1, 0, 0.3)], None),  # its last voice was not heard here
        ([(2, 0, 0), (1, 0, 0.3)], None),
        ([(1, 0.3, 0), (3, 0, 0)], None),
        ([(1, 0.3, 0), (0.7, 0, 0), (1, 0, 0.3)] * 2, None),  # which of the two?
    ],
)
async def test_the_wait_is_measured_only_where_it_can_be_heard(
    visitor: Visitor,
    site: str,
    parts: list[tuple[float, float, float]],
    heard: tuple[float, float] | None,
) -> None:
    await visitor.open(site)
    found = await visitor.page.evaluate(HEARD, [0.5, parts])
    if heard is None:
        assert found is None
    else:
        assert (found["voice"], found["sound"]) == pytest.approx(heard, abs=0.02)
