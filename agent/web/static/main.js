// The page: what the user does, what the conversation reports, and what shows for it.

import {
  agentChosen,
  answeredIn,
  chosenAgent,
  listAgents,
  offerVoices,
  voiceChosen,
} from "./agents.js";
import { Appearance } from "./appearance.js";
import { Captions } from "./captions.js";
import { Conversation } from "./connection.js";
import { Details } from "./details.js";
import { Follow } from "./follow.js";
import { preferredLanguage, rememberLanguage, setLanguage, text } from "./i18n.js";
import { LevelMeter, wakeAudio } from "./levels.js";
import { openMicrophone } from "./microphone.js";
import { showModels, tellModels } from "./models.js";
import { Notices } from "./notices.js";
import { Orb } from "./orb.js";
import { clock } from "./records.js";
import { NotSaved, unpack } from "./saved.js";
import { Settings } from "./settings.js";
import { listenForShortcuts } from "./shortcuts.js";
import { ANYBODY, leftNotice, signOut, whoIs } from "./sign-in.js";
import { Transcript, download } from "./transcript.js";
import { look, render } from "./view.js";
import { fitViewport } from "./viewport.js";

const $ = (id) => document.getElementById(id);

const captions = new Captions($("captions"), $("empty"), new Follow($("captions"), $("newest")));
const transcript = new Transcript();
const notices = new Notices($("notices"));
const orb = new Orb($("orb"));
const details = new Details();
const settings = new Settings(
  () => conversation,
  (reason) => notices.show(`mic-${reason}`),
  (on) => (details.on = on),
);

let state = {
  phase: "idle",
  agent: "none",
  mic: "off",
  deaf: false,
  ready: false,
  visitor: ANYBODY,
};
let language = preferredLanguage();
let conversation = null;
let screenLock = null;
const meters = { mic: null, voice: null };

function update(change) {
  state = { ...state, ...change, ready: conversation?.ready ?? false };
  render(state);
  orb.look = look(state);
}

function announce(key) {
  $("announcer").textContent = text(key);
}

// --- Beginning and end

async function join({ speaking }) {
  wakeAudio();
  notices.clear();
  const before = [captions.clear(), transcript.begin()];
  details.begin();
  const { volume } = settings;
  const mine = (conversation = new Conversation({ volume, speaker: settings.chosen("speaker") }));
  listen(mine);
  update({ phase: "joining", agent: "none", mic: speaking ? "asking" : "off", deaf: false });
  $("state").focus();
  const track = speaking ? await open() : null;
  if (mine !== conversation) return track?.stop(); // left while the browser was asking
  update({ mic: "off" });
  const asked = language;
  try {
    await mine.join({ language: asked, ...chosenAgent() });
    if (track) await mine.publish(track);
    if (language !== asked) await mine.setLanguage(language);
  } catch (error) {
    track?.stop();
    if (mine !== conversation) return;
    conversation = null;
    if (captions.isEmpty) before.forEach((takeBack) => takeBack()); // what was said before can still be read, and saved
    details.end();
    void mine.leave();
    notices.show(error.code ?? "unreachable");
    update({ phase: "failed", agent: "none", mic: "off" });
    $("join").focus();
    if (error.code === "not_signed_in") await know();
    return;
  }
  if (mine !== conversation) return void mine.leave();
  update({ phase: "live" });
  if (transcript.isEmpty) transcript.begin(); // its times count from here
  void keepScreenOn();
  if (!speaking) $("message").focus();
}

async function leave() {
  const mine = conversation;
  finish("ended");
  await mine?.leave();
}

function finish(phase) {
  conversation = null;
  if (captions.end()) cut();
  details.end();
  for (const which of ["mic", "voice"]) setMeter(which, null);
  void screenLock?.release();
  screenLock = null;
  settings.close();
  notices.clear();
  update({ phase, agent: "none", mic: "off" });
  $("join").focus();
}

/** The agent did not say the whole of what it was saying. */
function cut() {
  for (const kept of [captions, details, transcript]) kept.cut();
}

async function startAgain() {
  const speaking = state.mic !== "off";
  await leave();
  await join({ speaking });
}

/** What a conversation reports, for as long as it is the current one. */
function listen(mine) {
  const on = (type, handle) =>
    mine.addEventListener(type, ({ detail }) => mine === conversation && handle(detail));

  on("agent", (agent) => {
    const wasReady = state.ready;
    update({ agent });
    if (state.ready && !wasReady) announce("announceJoined");
    if (agent === "reconnecting") notices.show("agent-lost");
    else notices.hide("agent-lost");
    if (agent !== "absent") notices.hide("agent-absent");
    if (agent !== "left") notices.hide("agent-left");
    if (agent === "absent" || agent === "left") {
      notices.show(`agent-${agent}`, { name: "startAgain", run: startAgain });
    }
  });
  on("caption", (caption) => {
    captions.show(caption);
    details.caption(caption);
    transcript.caption(caption);
  });
  on("cut", cut);
  on("record", (record) => details.take(record));
  on("trouble", (engines) => {
    update({ deaf: engines.includes("stt") });
    for (const engine of ["stt", "llm", "tts"]) {
      if (engines.includes(engine)) notices.show(`trouble-${engine}`);
      else notices.hide(`trouble-${engine}`);
    }
  });
  on("microphone", () => showMicrophone());
  on("voice", (track) => setMeter("voice", track));
  on("sound", (plays) => {
    if (plays) notices.hide("sound-blocked");
    else notices.show("sound-blocked", { name: "startSound", run: () => conversation?.startSound() });
  });
  on("connection", (which) => {
    if (state.phase === "joining") return;
    if (which === "back") {
      notices.hide("connection-lost");
      update({ phase: "live" });
      announce("announceBack");
      void mine.setLanguage(language).catch(() => {}); // may have changed meanwhile
    } else if (state.phase !== "reconnecting") {
      notices.show("connection-lost");
      update({ phase: "reconnecting" });
    }
  });
  on("devices", async () => {
    await settings.refresh();
    const left = await mine.devices("audioinput");
    if (mine === conversation && state.mic !== "off" && left.length === 0) notices.show("mic-lost");
    else if (left.length > 0) notices.hide("mic-lost");
  });
  on("ended", (how) => {
    if (state.phase === "joining") return; // join() itself says why
    finish(how === "lost" ? "failed" : "ended");
    if (how !== "left") notices.show(how);
  });
}

// --- The microphone

/** The microphone, or null with a notice why there is none. */
async function open() {
  notices.hide("mic-denied", "mic-missing", "mic-busy", "mic-insecure");
  try {
    return await openMicrophone(settings.chosen("microphone"));
  } catch (error) {
    const again = { name: "retryMicrophone", run: turnOnMicrophone };
    notices.show(`mic-${error.reason}`, error.reason === "insecure" ? undefined : again);
    return null;
  }
}

async function turnOnMicrophone() {
  const mine = conversation;
  const track = await open();
  if (!track) return;
  if (mine && mine === conversation) await mine.publish(track);
  else track.stop();
}

async function toggleMicrophone() {
  const microphone = conversation?.microphone;
  if (!microphone) return turnOnMicrophone();
  await conversation.mute(!microphone.muted);
  announce(microphone.muted ? "announceUnmuted" : "announceMuted");
}

function showMicrophone() {
  const microphone = conversation?.microphone;
  setMeter("mic", microphone?.mediaStreamTrack);
  update({ mic: microphone ? (microphone.muted ? "muted" : "on") : "off" });
}

// --- Levels

function setMeter(which, track) {
  meters[which]?.close();
  meters[which] = track ? new LevelMeter(track) : null;
  details.hear(which, track);
}

function frame(now) {
  const levels = {
    mic: state.mic === "on" ? (meters.mic?.read() ?? 0) : 0,
    voice: meters.voice?.read() ?? 0,
  };
  orb.draw(now, levels);
  details.draw();
  document.body.style.setProperty("--mic", levels.mic.toFixed(2));
  document.body.style.setProperty("--voice", levels.voice.toFixed(2));
  requestAnimationFrame(frame);
}

// A phone that dims its screen suspends the page, and the conversation with it.
async function keepScreenOn() {
  if (document.visibilityState !== "visible") return;
  const lock = await navigator.wakeLock?.request("screen").catch(() => null);
  if (conversation) screenLock = lock;
  else void lock?.release();
}

// --- Who talks

/** Find out who the visitor is, and show what they can do. */
async function know() {
  const visitor = await whoIs();
  if (visitor) update({ visitor });
  else notices.show("not_allowed");
}

async function leaveAccount() {
  notices.hide("not_signed_out");
  if (!(await signOut())) return notices.show("not_signed_out");
  await know();
  if (!$("sign-in").hidden) $("sign-in").focus();
}

// --- The user

async function send(event) {
  event.preventDefault();
  const message = $("message").value.trim();
  if (!message || !conversation?.ready) return; // the text stays where it is
  $("message").value = "";
  notices.hide("not-sent");
  try {
    await conversation.send(message);
  } catch {
    notices.show("not-sent");
    $("message").value ||= message;
  }
}

async function stop() {
  notices.hide("not-stopped");
  const stopped = await conversation.stop().catch(() => false);
  if (!stopped && ["thinking", "speaking"].includes(state.agent)) notices.show("not-stopped");
}

function saveTranscript() {
  const file = new Blob([String(transcript)], { type: "text/plain;charset=utf-8" });
  download(file, `parley-${transcript.stamp}.txt`);
}

/** Show a conversation that was saved, where one ended or none has begun. */
async function openSaved(file) {
  notices.clear();
  try {
    const saved = await unpack(file);
    if (conversation) return; // one has begun meanwhile
    details.open(saved);
    captions.clear();
    transcript.begin(new Date(saved.started));
    saved.captions.forEach((caption, i) => {
      const shown = { ...caption, id: `saved-${i}`, final: true, time: clock(caption.at) };
      captions.show(shown);
      transcript.caption(shown, caption.at);
    });
    update({ phase: "opened", started: new Date(saved.started) });
  } catch (error) {
    if (!(error instanceof NotSaved)) throw error;
    notices.show("not-saved");
  }
}

async function chooseLanguage(chosen) {
  try {
    if (!(await setLanguage(chosen))) return; // another one was chosen meanwhile
  } catch {
    $("language").value = language;
    notices.show("offline");
    return;
  }
  language = chosen;
  $("language").value = language;
  showVoice();
  offerVoices();
  tellModels();
  update({});
  if (state.phase === "live") void conversation.setLanguage(language).catch(() => {});
}

/** Say so where Parley has no voice for the language, and answers in another. */
function showVoice() {
  const { options } = $("language");
  const spoken = answeredIn();
  $("voice").hidden = spoken === language;
  const name = [...options].find((option) => option.value === spoken).textContent;
  $("voice").textContent = text("unvoiced").replace("{voice}", name);
}

$("language").addEventListener("change", ({ target }) => {
  rememberLanguage(target.value);
  void chooseLanguage(target.value);
});
$("agent").addEventListener("change", () => {
  agentChosen();
  showVoice();
  update({});
  void showModels();
});
$("voice-choice").addEventListener("change", voiceChosen);
$("join").addEventListener("click", () => join({ speaking: true }));
$("join-typing").addEventListener("click", () => join({ speaking: false }));
$("sign-in").addEventListener("click", () => location.assign(state.visitor.signIn.address));
$("sign-out").addEventListener("click", leaveAccount);
$("leave").addEventListener("click", leave);
$("mute").addEventListener("click", toggleMicrophone);
$("stop").addEventListener("click", stop);
$("save-transcript").addEventListener("click", saveTranscript);
for (const id of ["settings", "start-settings"]) {
  $(id).addEventListener("click", () => settings.open());
}
$("open-saved").addEventListener("click", () => $("saved-file").click());
$("saved-file").addEventListener("change", ({ target }) => {
  if (target.files.length) void openSaved(target.files[0]);
  target.value = ""; // so that the same file can be chosen again
});
$("composer").addEventListener("submit", send);
document.addEventListener("visibilitychange", () => {
  if (conversation) void keepScreenOn();
});

listenForShortcuts(() => settings.shortcuts && state.phase === "live");
fitViewport();
new Appearance();
await chooseLanguage(language);
void listAgents().then(() => {
  showVoice();
  update({});
  return showModels();
});
requestAnimationFrame(frame);
const left = leftNotice();
if (left) notices.show(left);
void know();
