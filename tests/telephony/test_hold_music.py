from __future__ import annotations

import numpy as np

from agent.telephony.hold_music import melody

RATE = 48_000


def test_the_music_fits_the_line_and_follows_itself_without_a_click() -> None:
    sound = melody()
    assert len(sound) == round(12.8 * RATE)
    power = np.abs(np.fft.rfft(sound.astype(float))) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / RATE)
    within = power[(frequency > 300) & (frequency < 3400)].sum() / power.sum()
    assert within > 0.99
    # From the last sample to the first is no longer a way than from any sample to the next.
    steps = np.abs(np.diff(sound.astype(int)))
    assert abs(int(sound[0]) - int(sound[-1])) <= steps.max()
    # Quieter than a voice, and never silent for long: who hears nothing hangs up.
    assert 20 * np.log10(np.abs(sound).max() / 32768) < -15
    loudness = np.sqrt(np.mean(sound.astype(float).reshape(-1, RATE // 10) ** 2, axis=1))
    assert loudness.min() > 100
