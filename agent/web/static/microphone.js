// Getting the microphone, and the reason when there is none.

const { createLocalAudioTrack } = window.LivekitClient;

const REASONS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

/** Why there is no microphone: "denied", "missing", "busy" or "insecure". */
export class NoMicrophone extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/**
 * Ask for the microphone, with the browser's echo cancellation.
 * @param {string | null} wanted Device; another one if it is not there, or none is wanted.
 * @returns {Promise<import("livekit-client").LocalAudioTrack>}
 * @throws {NoMicrophone}
 */
export async function openMicrophone(wanted) {
  if (!navigator.mediaDevices) throw new NoMicrophone("insecure");
  try {
    return await createLocalAudioTrack({
      ...(wanted ? { deviceId: { ideal: wanted } } : {}),
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
    });
  } catch (error) {
    throw new NoMicrophone(REASONS[error.name] ?? "busy");
  }
}
