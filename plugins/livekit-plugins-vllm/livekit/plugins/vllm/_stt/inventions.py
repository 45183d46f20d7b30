"""What speech models write over sound that has no words, in the languages they were trained on.

Their training data are the subtitles of videos, so this is what stands where nobody speaks there:
who made the subtitles, how a video takes its leave, and marks such as "[Music]". None of it is
proof: people say "thank you" too. `guards` asks for the sound before it drops any.
"""

from __future__ import annotations

import re
import unicodedata

# Every pattern is matched against the normal form: lower case, letters and digits only.

# Signatures of subtitlers and stations. People speak of them, but not in these words.
SIGNATURES = re.compile(
    r"字幕(?:由|来自|來自)?amaraorg(?:社群|社区|社區)?(?:提供)?|字幕by索兰娅"
    r"|(?:中文)?字幕(?:志愿者|志願者)?李宗盛|(?:作词|作曲|编曲|詞曲|词曲|作詞|編曲)+李宗盛"
    r"|(?:请不吝点赞|請不吝點讚|请不吝点赞订阅|請不吝點讚訂閱)?.{0,6}(?:打赏支持|打賞支持)(?:明镜|明鏡).{0,8}"
    r"|(?:优优独播剧场|優優獨播劇場)(?:yoyotelevisionseriesexclusive)?|yoyotelevisionseriesexclusive"
    r"|(?:subtitles|captions|subtitled|transcription|translation)by(?:theamaraorgcommunity|castingwords)"
    r"|субтитры(?:сделал|создавал|делал|подогнал)dimatorzok|редакторсубтитров.{3,20}корректор.{3,20}"
    r"|untertitel(?:ung)?(?:deramaraorgcommunity|imauftragdeszdf(?:fürfunk)?(?:20\d\d)?|deszdf(?:20\d\d)?)"
    r"|soustitr(?:es|age)(?:(?:réalisés|faits|fournis)par(?:la|a)communauté?damaraorg"
    r"|paramaraorg|st501|sociétéradiocanada)"
    r"|legendaspelacomunidadeamaraorg|subtítulos(?:realizados)?porlacomunidaddeamaraorg"
    r"|sottotitoli(?:creatidallacomunitàamaraorg|erevisioneacuradiqtss)"
    r"|copyrightwdr20\d\d|mbc뉴스.{2,8}입니다|mingpaocanadamingpaotoronto"
    r"|tekst(?:ing|et)av(?:nicolaiwinther|amaraorg)|altyazımk|undertexterfrånamaraorggemenskapen"
    r"|napisystworzoneprzezspołecznośćamaraorg|ondertitelsingedienddoordeamaraorggemeenschap"
    r"|субтитрыподготовленысообществомamaraorg"
)

# Credits that begin as a question or a wish of a user may, too.
CREDITS = re.compile(
    r"字幕(?:由.*(?:提供|制作|製作)|志愿者.*|志願者.*|组.*|組.*|制作.*|製作.*|by.*)"
    r"|中文字幕.*(?:提供|志愿者|志願者|制作|製作).*"
    r"|(?:subtitles|captions|subtitled|transcription|transcribed|translation|translated)by.*"
    r"|субтитры(?:сделал|создавал|делал|подогнал|от).*|untertitel(?:ung)?(?:von|der|des|im).*"
    r"|soustitr(?:es|age)(?:par|de|réalisés?).*|legendas?(?:por|pela|de).*"
    r"|subtítulos(?:por|realizados|de).*|sottotitoli(?:di|acura|creati|erevisione).*"
    r"|字幕(?:提供|制作|作成).*|자막(?:제공|제작|by).*"
    r"|tekst(?:ing|et)av.*|undertexter(?:från|av).*|napisy(?:stworzone|przygotowane|przez).*"
    r"|ondertitel(?:s|ing|d)(?:door|ingediend|van).*|altyazı.*|субтитры(?:подготовлены|от).*"
)

# How videos take their leave, alone or one after another.
CLOSINGS = re.compile(
    r"(?>"
    r"(?:谢谢|謝謝|感谢|感謝|多谢|多謝)(?:大家|各位|您|你)?(?:的)?(?:观看|觀看|收看|收听|收聽|观赏|觀賞)"
    r"|(?:我们|我們)?下(?:期|次|集)(?:再见|再見|见)"
    r"|(?:请|請)?(?:点赞|點讚)?(?:订阅|訂閱)(?:我的)?(?:频道|頻道)?|请不吝点赞|請不吝點讚|转发|轉發"
    r"|(?:thanks|thankyou)(?:all)?(?:so|very)?(?:much)?for(?:watching|listening|viewing|yourattention)"
    r"(?:(?:this|the|my)video)?"
    r"|(?:please)?(?:dont(?:forget)to)?(?:like(?:and)?)?subscribe(?:to(?:my|the|our)channel)?"
    r"|(?:ill)?see(?:you|ya)(?:in)?(?:the)?next(?:time|video|one)"
    r"|thankyou(?:verymuch|somuch)?|thanks|you|bye|谢谢大家|謝謝大家|谢谢|謝謝"
    r"|(?:ご視聴|ご覧いただき|最後までご視聴)(?:いただき)?(?:誠に)?(?:ありがとうございました|ありがとうございます)"
    r"|チャンネル登録(?:と高評価)?(?:を)?(?:よろしく)?お願い(?:いた)?します|次(?:回)?の動画でお会いしましょう"
    r"|また次(?:回|の動画)で?(?:お会いしましょう)?|おやすみなさい|ありがとうございました"
    r"|продолжениеследует|спасибозапросмотр(?:видео)?|спасибозавнимание|спасибо"
    r"|подписывайтесьна(?:мой|наш)?канал|(?:ставьтелайки)(?:и)?|доновыхвстреч|досвидания|всемпока"
    r"|시청해주셔서감사합니다|(?:구독과좋아요)(?:부탁드립니다|눌러주세요)?|다음영상에서만나요|감사합니다"
    r"|vielendankfürs(?:zuschauen|zuhören|ansehen)|dankefürs(?:zuschauen|zuhören)|tschüss"
    r"|vielendank(?:für(?:die|ihre|eure)aufmerksamkeit)?|biszumnächstenmal"
    r"|mercidavoirregardé(?:cettevidéo|lavidéo)?|abonnezvous(?:àlachaîne)?|merci|aurevoir"
    r"|àbientôt(?:pourunenouvellevidéo)?"
    r"|obrigad[oa](?:por(?:assistir|terassistido))?|inscrevase(?:nocanal)?|tchau|atéapróxima"
    r"|(?:muchas)?gracias(?:por(?:ver(?:elvideo|elvídeo)?|suatención))?|suscríbete(?:alcanal)?|adiós"
    r"|grazie(?:pera(?:ver)?(?:guardato|visto)(?:ilvideo|questovideo)?)?|iscrivetevi(?:alcanale)?"
    r"|allaprossima|ciao"
    r")++"
)

# What stands for a breath or a click, and for no sound at all.
SHORT = re.compile(
    r"(?:you|thankyou|thanks|ok|okay|so|oh|ah|um|uh|mm|hmm|mhm|huh|yeah|yes|no|bye|byebye|the|and|i"
    r"|imsorry|sorry|嗯|嗯嗯|啊|哦|呃|好|好的|对|對|是|谢谢|謝謝|再见|再見|はい|うん|ん|네|응|음|да|нет"
    r"|ja|nein|oui|non|sí|si|sim|não|danke|merci|gracias|grazie)"
)

# -- marks of sounds --

_SOUNDS = """
music song instrumental laughter laugh laughs laughing chuckle chuckles chuckling giggles
giggling applause clapping claps cheering cheers silence silent noise noises static inaudible
unintelligible indistinct crosstalk cough coughs coughing sneeze sneezes sneezing sigh sighs
sighing breath breathing breathes inhales exhales gasp gasps gasping groan groans groaning moans
crying sobbing sobs sniffs sniffing sniffles yawns yawning whistling whistles humming hums
screaming screams blank_audio no_audio no_speech no_sound foreign_language speaking_foreign beep
beeps beeping ringing ringtone rings typing footsteps knocking birdsong barking thunder wind
engine siren dial_tone dialtone snoring burps hiccups throat_clearing clears_throat
clearing_throat end_of_audio sound_effect sound_effects door_closes door_closing door_opens
door_opening door_slams water_running water_flowing mouse_clicking keyboard_clicking clicking
traffic crying_baby speaks_spanish speaks_chinese speaks_french speaks_german speaks_japanese
speaks_korean speaks_russian speaks_italian speaks_portuguese speaking_spanish speaking_chinese
speaking_french speaking_german speaking_japanese speaking_korean speaking_russian
speaking_italian speaking_portuguese speaking_mandarin 音乐 音樂 背景音乐 背景音樂 背景音 笑声
笑聲 笑 大笑 轻笑 掌声 掌聲 鼓掌 静音 靜音 静默 沉默 无声 無聲 无语音 噪音 杂音 雜音 噪声
背景噪音 咳嗽 咳嗽声 叹气 嘆氣 叹息 哭声 哭泣 呼吸声 喘息 铃声 电话铃声 手机铃声 敲门声 脚步声
风声 雷声 鸟叫声 狗叫声 欢呼 欢呼声 尖叫声 口哨声 键盘声 听不清 聽不清 无法辨认 空白音频 片头曲
片尾曲 歌声 琴声 音效 音楽 ミュージック
バックグラウンドミュージック 背景音楽 拍手 無音 咳 ため息 歓声 雑音
笑い 笑い声 bgm 음악 배경음악 웃음 웃음소리 박수
침묵 소음 기침 한숨 무음 музыка аплодисменты смех тишина шум кашель вздох вздыхает смеётся
смеется неразборчиво плач пение musik gelächter lachen lacht applaus beifall stille husten hustet
geräusche rauschen seufzen seufzt unverständlich musique rires rire applaudissements bruit toux
soupir soupire inaudible chant música musica risas risos risate ríe aplausos applausi silencio
silêncio silenzio ruido ruído rumore tos tosse tose suspiro suspira sospiro
"""
# Words that only stand beside the former.
_BESIDE = """
a an the of in on and with to background upbeat soft softly loud loudly gentle quiet dramatic
tense sad happy intense cheerful eerie slow fast playing plays continues stops starts begins
ends distant distance audience crowd people man woman person phone keyboard door dog bird birds
sound sounds long heavy heavily deep short light theme intro outro opening closing piano guitar
orchestral electronic rock pop classical suspenseful speaking speaks speech language detected
轻快 舒缓 的 播放 中 響起 响起 leise laute de fond фоновая спокойная di sottofondo douce
blowing approaching fading baby fondo klassische ruhige dramatische traurige fröhliche 배경
"""
_SOUND_WORDS = frozenset(word.replace("_", " ") for word in _SOUNDS.split())
_BESIDE_WORDS = frozenset(_BESIDE.split())
_LONGEST_SOUND = max(word.count(" ") + 1 for word in _SOUND_WORDS)

_BRACKETED = re.compile(
    r"\[([^\[\]]{1,60})\]|\(([^()]{1,60})\)|（([^（）]{1,60})）|【([^【】]{1,60})】"
    r"|\*([^*\n]{1,60})\*|<([^<>]{1,60})>"
)
# Words after which a noun has to come.
_NAMED_BY = re.compile(
    r"\b(?:the|an?|this|that|these|those|my|your|his|her|its|our|their|of|in|on|for|with|about|called"
    r"|named|titled|labell?ed|marked|words?|term|tag|press|type|tap|click|select|choose|spell)\s*$"
    r"|(?:(?<![目是])的|叫|叫做|点|点击|按|按下|选|选择|打开|这个|那个|一个|把|写)\s*$",
    re.IGNORECASE,
)
_BEING = re.compile(r"(?:\b(?:is|are|was|were|be|means)|是|为)\s*$", re.IGNORECASE)
# What a speaker does, rather than what is heard.
_DOING = re.compile(
    r"(?:laugh|chuckl|giggl|cough|sneez|sigh|breath|inhal|exhal|gasp|groan|moan|cry|sob|sniff|sniffl"
    r"|yawn|whistl|humm?|scream|clap|cheer|snor|clear|speak)(?:s|es|ing)?|laughter|applause"
    r"|\w*[笑声咳叹泣]\w*"
)
# Signs that are never spoken, and the special tokens of a tokeniser.
_SIGNS = re.compile(r"[♪♫♬🎵🎶]+|<\|[^<>|]{1,40}\|>")


def without_marks(text: str) -> str:
    """Text without the marks of sounds: "[Music]", "(applause)", "*coughs*", "♪".

    Other words in brackets or between stars were said: area codes, formulas, titles.
    """
    unmarked = _BRACKETED.sub(_unmarked, _SIGNS.sub(" ", text))
    if unmarked == text:
        return text.strip()
    return re.sub(r"[ \t]{2,}", " ", unmarked).strip()


def normal(text: str) -> str:
    """Lower case, letters and digits only, full-width forms folded."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in folded if c.isalnum())


def _unmarked(match: re.Match[str]) -> str:
    inside = next(group for group in match.groups() if group is not None)
    said = not _is_sound(inside) or _is_governed(match, inside)
    return match.group() if said else " "


def _is_governed(match: re.Match[str], inside: str) -> bool:
    """Whether a sentence needs what is marked: "the (music) button", "press [silence]"."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    words = inside.lower().split()
    if words and _DOING.fullmatch(words[-1].strip(".,!?")):
        return False  # somebody laughs while they speak
    if _NAMED_BY.search(before):
        return True
    # "It is (silence)." but "It is [noise] over there."
    return bool(_BEING.search(before)) and not re.match(r"\s*\w", after)


def _is_sound(inside: str) -> bool:
    folded = unicodedata.normalize("NFKC", inside).lower()
    words = re.sub(r"[^\w]|_", " ", folded).split()
    sounds = at = 0
    while at < len(words):
        for length in range(min(_LONGEST_SOUND, len(words) - at), 0, -1):
            if " ".join(words[at : at + length]) in _SOUND_WORDS:
                sounds += 1
                at += length
                break
        else:
            if words[at] not in _BESIDE_WORDS:
                return False
            at += 1
    # "foreign" alone is how Whisper marks another language.
    return sounds > 0 or words == ["foreign"]
