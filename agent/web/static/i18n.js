// Every word on the page, in both languages.

const STRINGS = {
  en: {
    language: "Language",
    conversation: "Conversation",
    controls: "Call controls",
    you: "You",
    guest: "Guest",
    parley: "Parley",

    title: "Talk with Parley",
    hintIdle: "Speak naturally, interrupt whenever you like, or type.",
    join: "Start talking",
    joinAgain: "Start again",
    tryAgain: "Try again",
    typeInstead: "Type instead",
    ended: "Conversation over",
    hintEnded: "You can read it here until you start again or leave the page.",
    failed: "Not connected",

    permission: "May we hear you?",
    hintPermission: "Allow the microphone when your browser asks.",
    joining: "Connecting…",
    waiting: "Calling Parley…",
    initializing: "Getting ready…",
    listening: "Listening",
    hintListening: "Go ahead.",
    deaf: "Can't make you out",
    hintDeaf: "Type below, or say it again in a moment.",
    muted: "You are muted",
    hintMuted: "Unmute to speak, or type.",
    ready: "Ready",
    hintReady: "Your microphone is off. Type below.",
    thinking: "Thinking",
    speaking: "Speaking",
    hintSpeaking: "Speak any time to interrupt.",
    reconnecting: "Reconnecting…",
    hintReconnecting: "Your words are kept.",
    absent: "Nobody answers",

    empty: "What you both say appears here.",
    message: "Message to Parley",
    placeholder: "Type a message",
    placeholderWait: "Waiting for Parley",
    send: "Send",
    mute: "Mute",
    unmute: "Unmute",
    microphoneOn: "Turn on mic",
    leave: "Leave",
    settings: "Sound",
    settingsTitle: "Settings",
    microphone: "Microphone",
    speaker: "Speaker",
    unnamedDevice: "Device",
    readCaptions: "Let a screen reader read out the captions",
    done: "Done",
    dismiss: "Dismiss",

    announceJoined: "Connected. Parley is here.",
    announceBack: "Connected again.",
    announceMuted: "Microphone muted.",
    announceUnmuted: "Microphone on.",

    notice: {
      "mic-denied": "The microphone is blocked. You can type, or allow it for this page in your browser and try again.",
      "mic-missing": "No microphone was found. You can type, or plug one in and try again.",
      "mic-busy": "Another program is using the microphone. You can type, or close that program and try again.",
      "mic-insecure": "Browsers open the microphone only on secure pages. You can type, or open this page by https or as localhost.",
      "mic-lost": "The microphone was unplugged. You can type, or choose another one.",
      "sound-blocked": "Your browser keeps the sound off until you allow it.",
      "agent-absent": "Parley has not answered yet. It may be starting up, or switched off. We keep calling.",
      "agent-lost": "Parley was cut off. We are calling it back.",
      "agent-left": "Parley has left the conversation.",
      "connection-lost": "The connection is lost. Trying to get it back.",
      lost: "The connection could not be restored.",
      closed: "The conversation was closed on the other side.",
      elsewhere: "The conversation goes on in another tab or window.",
      unreachable: "The voice server could not be reached. Check your network and try again.",
      refused: "The voice server refused the call. Please start again.",
      full: "All places are taken right now. Try again in a few minutes.",
      too_many: "That was a lot of attempts. Wait a minute, then try again.",
      too_many_here: "There are several conversations from your network already. End one of them, then try again.",
      no_server: "The voice server is not running. Try again later.",
      offline: "This site cannot be reached. Check your network and try again.",
      unexpected: "Something went wrong on this site. Try again later.",
      "not-saved": "This is not a conversation that was saved here.",
      "trouble-stt": "Speech recognition is not answering, so your words may be lost. You can type meanwhile.",
      "trouble-llm": "The language model is not answering. Parley keeps trying.",
      "trouble-tts": "The voice is not answering. Parley's answers appear here in writing.",
      "not-sent": "Your message was not sent. It is back in the text box.",
    },
    action: {
      retryMicrophone: "Try again",
      startSound: "Turn on sound",
      startAgain: "Start again",
      chooseMicrophone: "Choose",
    },

    openSaved: "Open a saved conversation",
    opened: "A saved conversation",

    details: {
      title: "Details",
      show: "Show details of each turn, and keep the sound in this browser so that you can save it",
      save: "Save",
      recorded: "Kept in this browser only:",
      full: "30 minutes are kept, more is not:",
      levels: "How loud both sides are over time: you above, Parley below",
      records: "Turns",
      turn: "Turn",
      overlap: "Sound over Parley",
      first_words: "First words",
      after: "after",
      waterfall: "What the answer waited for",
      waited: "together",
      stage: {
        end_of_turn: "end of turn",
        llm: "language model",
        text: "first unit",
        tts: "voice",
        playout: "playout",
        transport: "transport",
      },
      silence: "silence",
      clause: "words",
      clauses: { finished: "finished", open: "may go on", unfinished: "unfinished" },
      unknown: "not known yet",
      ending: "voice like an end",
      usual: "usual pause",
      ended: "ended",
      typed: "typed",
      answer: "answer",
      none: "none",
      stopped: "stopped by",
      verdict: "taken for",
      verdicts: {
        backchannel: "a backchannel",
        noise: "a noise",
        echo: "its own echo",
        interruption: "an interruption",
        "stop word": "a word to stop",
        "false stop": "a stop that was none",
      },
      ducked: "lowered after",
      never: "not lowered",
      decided: "decided after",
      then: "Parley",
      stops: "stops",
      goesOn: "goes on",
    },
  },

  zh: {
    language: "语言",
    conversation: "对话",
    controls: "通话控制",
    you: "你",
    guest: "访客",
    parley: "Parley",

    title: "和 Parley 聊聊",
    hintIdle: "想说就说，随时可以打断，也可以打字。",
    join: "开始对话",
    joinAgain: "重新开始",
    tryAgain: "再试一次",
    typeInstead: "只打字",
    ended: "对话已结束",
    hintEnded: "重新开始或离开本页之前，内容都留在这里。",
    failed: "没有连上",

    permission: "可以听见你吗？",
    hintPermission: "请在浏览器的提示中允许使用麦克风。",
    joining: "正在连接…",
    waiting: "正在呼叫 Parley…",
    initializing: "马上就好…",
    listening: "在听",
    hintListening: "请说。",
    deaf: "听不清",
    hintDeaf: "请在下面打字，或者过一会儿再说一遍。",
    muted: "你已静音",
    hintMuted: "取消静音就能说话，也可以打字。",
    ready: "就绪",
    hintReady: "麦克风没有打开，请在下面打字。",
    thinking: "在想",
    speaking: "在说",
    hintSpeaking: "随时开口就能打断。",
    reconnecting: "正在重新连接…",
    hintReconnecting: "你们说过的话都还在。",
    absent: "无人应答",

    empty: "你们说的话会显示在这里。",
    message: "给 Parley 的消息",
    placeholder: "输入消息",
    placeholderWait: "等 Parley 来",
    send: "发送",
    mute: "静音",
    unmute: "取消静音",
    microphoneOn: "打开麦克风",
    leave: "离开",
    settings: "声音",
    settingsTitle: "设置",
    microphone: "麦克风",
    speaker: "扬声器",
    unnamedDevice: "设备",
    readCaptions: "让读屏软件朗读字幕",
    done: "完成",
    dismiss: "关闭",

    announceJoined: "已接通，Parley 来了。",
    announceBack: "已重新连接。",
    announceMuted: "麦克风已静音。",
    announceUnmuted: "麦克风已打开。",

    notice: {
      "mic-denied": "麦克风被拒绝了。你可以打字，也可以在浏览器里允许本页使用麦克风后再试。",
      "mic-missing": "没有找到麦克风。你可以打字，也可以接上麦克风后再试。",
      "mic-busy": "麦克风正被其他程序占用。你可以打字，也可以关闭那个程序后再试。",
      "mic-insecure": "浏览器只在安全的页面上打开麦克风。你可以打字，或者用 https 或 localhost 打开本页。",
      "mic-lost": "麦克风断开了。你可以打字，也可以换一个麦克风。",
      "sound-blocked": "浏览器要你允许后才播放声音。",
      "agent-absent": "Parley 还没有应答，可能正在启动，也可能没有开。我们会继续呼叫。",
      "agent-lost": "Parley 断线了，正在重新接通。",
      "agent-left": "Parley 离开了对话。",
      "connection-lost": "连接断开了，正在恢复。",
      lost: "连接没能恢复。",
      closed: "对方结束了对话。",
      elsewhere: "对话在另一个标签页或窗口里继续。",
      unreachable: "连不上语音服务器。请检查网络后再试。",
      refused: "语音服务器拒绝了这次通话，请重新开始。",
      full: "现在没有空位了，请过几分钟再试。",
      too_many: "尝试得太频繁了，请过一分钟再试。",
      too_many_here: "你的网络里已经有好几个对话了，请先结束一个再试。",
      no_server: "语音服务器没有运行，请稍后再试。",
      offline: "连不上本站。请检查网络后再试。",
      unexpected: "本站出了点问题，请稍后再试。",
      "not-saved": "这不是在这里保存的对话。",
      "trouble-stt": "语音识别没有反应，你说的话可能没有听到。可以先打字。",
      "trouble-llm": "语言模型没有反应，Parley 还在尝试。",
      "trouble-tts": "语音合成没有反应，Parley 的回答会写在这里。",
      "not-sent": "消息没有发出去，已放回输入框。",
    },
    action: {
      retryMicrophone: "再试一次",
      startSound: "打开声音",
      startAgain: "重新开始",
      chooseMicrophone: "选择",
    },

    openSaved: "打开保存的对话",
    opened: "保存的对话",

    details: {
      title: "详情",
      show: "显示每一轮的详情，并把声音留在本浏览器里，以便保存",
      save: "保存",
      recorded: "只留在本浏览器里：",
      full: "已留满 30 分钟，之后的不再保留：",
      levels: "双方的音量：上面是你，下面是 Parley",
      records: "各轮",
      turn: "轮次",
      overlap: "Parley 说话时的声音",
      first_words: "第一句话",
      after: "等了",
      waterfall: "回答之前等了什么",
      waited: "合计",
      stage: {
        end_of_turn: "轮次结束",
        llm: "语言模型",
        text: "第一段文字",
        tts: "语音合成",
        playout: "播放",
        transport: "传输",
      },
      silence: "静默",
      clause: "语句",
      clauses: { finished: "说完了", open: "可能还有", unfinished: "没说完" },
      unknown: "还不知道",
      ending: "语气像结束",
      usual: "平常停顿",
      ended: "结束方式",
      typed: "打字",
      answer: "回答",
      none: "没有",
      stopped: "打断原因",
      verdict: "判断为",
      verdicts: {
        backchannel: "附和",
        noise: "噪声",
        echo: "自己的回声",
        interruption: "插话",
        "stop word": "叫停",
        "false stop": "误停",
      },
      ducked: "调低延迟",
      never: "未调低",
      decided: "判断延迟",
      then: "Parley",
      stops: "停下",
      goesOn: "继续说",
    },
  },
};

const TAGS = { en: "en", zh: "zh-Hans" };

/** The first language of the browser that the page speaks; English if there is none. */
export function preferredLanguage() {
  for (const tag of navigator.languages) {
    const primary = tag.toLowerCase().split("-")[0];
    if (primary in STRINGS) return primary;
  }
  return "en";
}

let current = STRINGS.en;

/** A text of the current language, by key: text("join"), text("notice", "full"). */
export function text(...keys) {
  return keys.reduce((strings, key) => strings[key], current);
}

/** Change the language of the page: marked elements now, all others when they are next drawn. */
export function setLanguage(language) {
  current = STRINGS[language];
  document.documentElement.lang = TAGS[language];
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = text(...element.dataset.text.split("."));
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(...element.dataset.label.split(".")));
  }
}

/** Give an element a text of the current language, by key, now and when that changes. */
export function label(element, ...keys) {
  element.dataset.text = keys.join(".");
  element.textContent = text(...keys);
}
