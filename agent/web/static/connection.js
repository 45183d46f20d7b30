// One conversation: a ticket, a room, the agent in it.

const { DisconnectReason, Room, RoomEvent, Track, TrackEvent, ConnectionError, ConnectionErrorReason } =
  window.LivekitClient;

const AGENT_STATE = "lk.agent.state";
const TROUBLE = "parley.trouble";
const LANGUAGE = "parley.language";
const CAPTIONS = "lk.transcription";
const CHAT = "lk.chat";
const RECORD = "parley.turn";
const STOP = "parley.stop";
const CUT = "cut"; // kind of a record: the agent did not say all that it had begun to say
const READY = ["listening", "thinking", "speaking"];
const AGENT_WAIT = 15_000; // ms; an agent that runs joins within one second, one that starts in ten

// ms in which another agent comes where one has died: 5 s at most where a server lives, and twice
// what one needs to start where there is none. One that ends a conversation closes its room.
const AGENT_BACK = 20_000;

// ms after a reconnection in which nothing is sent: livekit-client 2.23.0 takes text there and
// loses it (8 of 10 messages sent half a second after, none of 8 sent 1.5 s after or later).
const SETTLING = 2000;

/** Why a conversation did not begin: a code of i18n's "notice". */
export class Refused extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/**
 * Events, each with its `detail`:
 * - "agent": "waiting" (for it to come), "absent", "initializing", "listening", "thinking",
 *   "speaking", "reconnecting" (it was cut off, another one comes) or "left" (none has come)
 * - "trouble": which of the agent's engines fail now: "stt" hears, "llm" thinks, "tts" speaks
 * - "caption": {id, role, name, text, final, typed}; the role is "user", "agent", or "guest" for
 *   another person, whose name may be empty; typed is what the user has written here
 * - "cut": the agent has not said the whole of what it was saying
 * - "record": of the agent's telemetry, as an object: a turn, a sound over it, its first words
 * - "microphone": the state may have changed, read `microphone`
 * - "voice": the agent's MediaStreamTrack, or null
 * - "sound": whether the browser lets sound play
 * - "connection": "lost" or "back"
 * - "devices": the list of devices has changed
 * - "ended": "left", "closed", "elsewhere" (in another tab) or "lost"; nothing comes after it
 */
export class Conversation extends EventTarget {
  #room;
  #agentState = "none";
  #trouble = "";
  #agentTimer;
  #settling;
  #sounds = new Map(); // track -> its audio element
  #messages = 0;
  #volume;

  /**
   * @param {object} wanted
   * @param {number} wanted.volume Of everybody else, 0 to 1.
   * @param {string | null} wanted.speaker Device to hear them from, if it is there.
   */
  constructor({ volume, speaker }) {
    super();
    this.#volume = volume;
    const audioOutput = speaker ? { deviceId: speaker } : undefined;
    this.#room = new Room({ disconnectOnPageLeave: true, audioOutput });
    const changed = () => this.#watchAgent({});
    this.#room
      .on(RoomEvent.ParticipantConnected, changed)
      .on(RoomEvent.ParticipantAttributesChanged, changed)
      .on(RoomEvent.ParticipantDisconnected, ({ isAgent }) => this.#watchAgent({ gone: isAgent }))
      .on(RoomEvent.TrackSubscribed, (...what) => this.#hear(...what))
      .on(RoomEvent.TrackUnsubscribed, (...what) => this.#stopHearing(...what))
      .on(RoomEvent.TrackMuted, () => this.#emit("microphone"))
      .on(RoomEvent.TrackUnmuted, () => this.#emit("microphone"))
      .on(RoomEvent.LocalTrackPublished, () => this.#emit("microphone"))
      .on(RoomEvent.LocalTrackUnpublished, () => this.#emit("microphone"))
      .on(RoomEvent.AudioPlaybackStatusChanged, () => this.#emit("sound", this.#room.canPlaybackAudio))
      .on(RoomEvent.MediaDevicesChanged, () => this.#emit("devices"))
      .on(RoomEvent.SignalReconnecting, () => this.#emit("connection", "lost"))
      .on(RoomEvent.Reconnecting, () => this.#emit("connection", "lost"))
      .on(RoomEvent.Reconnected, () => {
        this.#emit("connection", "back");
        this.#watchAgent({});
        this.#settle();
      })
      .on(RoomEvent.Disconnected, (reason) => this.#end(reason));
    this.#room.registerTextStreamHandler(CAPTIONS, (reader, sender) => this.#read(reader, sender.identity));
    this.#room.registerTextStreamHandler(RECORD, (reader, sender) => this.#readRecord(reader, sender.identity));
  }

  /**
   * Get a ticket and enter its room.
   * @param {{language: string, agent?: string, voice?: string}} wanted
   * @throws {Refused}
   */
  async join(wanted) {
    const ticket = await requestTicket(wanted);
    try {
      await this.#room.connect(ticket.url, ticket.token);
    } catch (error) {
      const refused =
        error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed;
      if (refused) throw new Refused("refused");
      // WebRTC takes no loopback interface, so without another one neither side has a candidate.
      throw new Refused(navigator.onLine ? "unreachable" : "no-network");
    }
    this.#watchAgent({});
    // The click that began all this allows sound; where it does not, "sound" says so.
    await this.#room.startAudio().catch(() => {});
  }

  leave() {
    return this.#room.disconnect();
  }

  /** Speak through this track from now on. */
  async publish(track) {
    await this.#room.localParticipant.publishTrack(track, { source: Track.Source.Microphone });
  }

  /** The user's audio track as {mediaStreamTrack, muted}, or null. */
  get microphone() {
    const publication = this.#room.localParticipant.getTrackPublication(Track.Source.Microphone);
    if (!publication?.track) return null;
    return { mediaStreamTrack: publication.track.mediaStreamTrack, muted: publication.isMuted };
  }

  async mute(muted) {
    const publication = this.#room.localParticipant.getTrackPublication(Track.Source.Microphone);
    await (muted ? publication?.mute() : publication?.unmute());
  }

  async setLanguage(language) {
    await this.#room.localParticipant.setAttributes({ [LANGUAGE]: language });
  }

  /** Whether the agent can be written to now. */
  get ready() {
    const here = READY.includes(this.#agentState) && this.#room.state === "connected";
    return here && this.#settling === undefined;
  }

  /** Write to the agent; the message appears among the captions. */
  async send(message) {
    await this.#room.localParticipant.sendText(message, {
      topic: CHAT,
      destinationIdentities: [this.#agent.identity],
    });
    const id = `typed-${++this.#messages}`;
    this.#emit("caption", { id, role: "user", text: message, final: true, typed: true });
  }

  /**
   * Have the agent stop what it is saying.
   * @returns {Promise<boolean>} Whether it did: some things it says to their end.
   */
  async stop() {
    const destinationIdentity = this.#agent?.identity;
    if (!destinationIdentity) return false;
    const asked = { destinationIdentity, method: STOP, payload: "", responseTimeout: 5000 };
    return (await this.#room.localParticipant.performRpc(asked)) === "stopped";
  }

  set volume(volume) {
    this.#volume = volume;
    for (const element of this.#sounds.values()) element.volume = volume;
  }

  startSound() {
    return this.#room.startAudio();
  }

  activeDevice(kind) {
    return this.#room.getActiveDevice(kind) ?? "default";
  }

  async useDevice(kind, id) {
    await this.#room.switchActiveDevice(kind, id);
    this.#emit("microphone"); // the same publication has another MediaStreamTrack now
  }

  get #agent() {
    return [...this.#room.remoteParticipants.values()].find((participant) => participant.isAgent);
  }

  #watchAgent({ gone = false }) {
    if (this.#room.state !== "connected") return; // while reconnecting, all seem to leave
    const agent = this.#agent;
    this.#setTrouble(agent?.attributes[TROUBLE] ?? "");
    if (agent) {
      clearTimeout(this.#agentTimer);
      this.#agentTimer = undefined;
      const state = agent.attributes[AGENT_STATE];
      this.#setAgent(READY.includes(state) ? state : "initializing");
    } else if (gone) {
      this.#await("reconnecting", "left", AGENT_BACK);
    } else if (!["waiting", "absent", "reconnecting", "left"].includes(this.#agentState)) {
      this.#await("waiting", "absent", AGENT_WAIT);
    }
  }

  /** Be in one state until an agent comes, and in another if none has come in time. */
  #await(state, otherwise, within) {
    clearTimeout(this.#agentTimer);
    this.#setAgent(state);
    this.#agentTimer = setTimeout(() => this.#setAgent(otherwise), within);
  }

  #setAgent(state) {
    if (state === this.#agentState) return;
    this.#agentState = state;
    this.#emit("agent", state);
  }

  #setTrouble(trouble) {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#emit("trouble", trouble.split(",").filter(Boolean));
  }

  #settle() {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      this.#settling = undefined;
      this.#emit("agent", this.#agentState); // it may be ready now
    }, SETTLING);
  }

  // Everybody in the room is heard; the agent may have a second track, for what it murmurs.
  #hear(track, publication, participant) {
    if (track.kind !== Track.Kind.Audio) return;
    const element = track.attach();
    element.hidden = true;
    element.volume = this.#volume;
    document.body.append(element);
    this.#sounds.set(track, element);
    if (isVoice(publication, participant)) this.#emit("voice", track.mediaStreamTrack);
  }

  #stopHearing(track, publication, participant) {
    this.#sounds.get(track)?.remove();
    this.#sounds.delete(track);
    if (isVoice(publication, participant)) this.#emit("voice", null);
  }

  #who(identity) {
    if (identity === this.#room.localParticipant.identity) return { role: "user" };
    const other = this.#room.remoteParticipants.get(identity);
    return other && !other.isAgent ? { role: "guest", name: other.name } : { role: "agent" };
  }

  // An interim transcript comes as a stream of its own, whole; the agent's words as one stream
  // that grows. The segment id says what belongs together, the last attributes what is final.
  async #read(reader, identity) {
    const id = reader.info.attributes?.["lk.segment_id"] ?? reader.info.id;
    const { role, name } = this.#who(identity);
    let words = "";
    const show = (final) => this.#emit("caption", { id, role, name, text: words, final });
    try {
      for await (const part of reader) {
        words += part;
        show(false);
      }
      const final = reader.info.attributes?.["lk.transcription_final"] === "true";
      if (final || role === "agent") show(true);
    } catch {
      show(true); // the sender is gone: these are all the words there will be
      if (role === "agent") this.#emit("cut");
    }
  }

  async #readRecord(reader, identity) {
    if (!this.#room.remoteParticipants.get(identity)?.isAgent) return;
    try {
      const record = JSON.parse(await reader.readAll());
      if (record.kind === CUT) this.#emit("cut");
      else this.#emit("record", record);
    } catch {
      // Cut off, as the sender is gone: nobody's conversation depends on it.
    }
  }

  #end(reason) {
    clearTimeout(this.#agentTimer);
    clearTimeout(this.#settling);
    for (const element of this.#sounds.values()) element.remove();
    const closed = [
      DisconnectReason.ROOM_DELETED, DisconnectReason.ROOM_CLOSED, DisconnectReason.PARTICIPANT_REMOVED,
    ];
    if (reason === DisconnectReason.CLIENT_INITIATED) this.#emit("ended", "left");
    else if (reason === DisconnectReason.DUPLICATE_IDENTITY) this.#emit("ended", "elsewhere");
    else this.#emit("ended", closed.includes(reason) ? "closed" : "lost");
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function isVoice({ source }, participant) {
  return participant.isAgent && source === Track.Source.Microphone;
}

async function requestTicket(wanted) {
  let response;
  try {
    response = await fetch("/api/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(wanted), // what is not chosen is undefined, and left out
      signal: AbortSignal.timeout(10_000),
    });
  } catch {
    throw new Refused("offline");
  }
  if (response.ok) return response.json();
  const { error } = await response.json().catch(() => ({ error: {} }));
  const known = ["full", "too_many", "too_many_here", "no_server", "not_signed_in", "not_allowed"];
  throw new Refused(known.includes(error.code) ? error.code : "unexpected");
}
