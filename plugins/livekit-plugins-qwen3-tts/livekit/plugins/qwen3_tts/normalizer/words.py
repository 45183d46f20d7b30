"""Words that tell a language: the commonest, and those that stand beside figures."""

from __future__ import annotations

from typing import Final

_COMMON: Final = {
    "en": (
        "a an in on me no am do die war hat son sin man come fine the of and to is are was "
        "were be been you your it its he she we they i my our their this that these those "
        "what which who how when where why with for from by about into over than then there "
        "here not yes does did don have has had will would can could should may might must if "
        "or but so as at just only also more most some any all each other new one two three "
        "time price cost costs total call please least up down out off per order number room "
        "flight day days week weeks month months year years hour hours minute minutes today "
        "tomorrow now people percent dollars degrees open hello thanks thank sure okay great "
        "let get go see use take less between until since after before during left right it's "
        "i'm we're you're that's"
    ),
    "de": (
        "der die das den dem des ein eine einen einem einer eines und oder aber nicht kein "
        "keine ist sind war waren wird werden wurde hat haben hatte ich du er sie es wir ihr "
        "mich dich sich uns mein dein sein unser euer mit von zu zum zur im am bei nach aus "
        "auf für über unter vor zwischen bis um seit ab an auch noch nur schon sehr mehr "
        "weniger als wie was wer wo wann warum dass wenn weil dann hier dort heute morgen "
        "gestern jetzt uhr tag tage woche wochen monat monate jahr jahre stunde stunden "
        "minute minuten euro prozent grad preis kostet etwa ungefähr bitte danke ja nein "
        "guten nummer zimmer januar februar märz april mai juni juli august oktober dezember "
        "genau stück guten gern tisch plätze montag dienstag mittwoch donnerstag freitag "
        "samstag sonntag herr frau temperatur zug"
    ),
    "fr": (
        "le la les un une des du de et ou mais ne pas est sont était être a ont avoir je tu "
        "il elle nous vous ils elles on mon ma mes ton ta tes son sa ses notre votre leur ce "
        "cet cette ces qui que quoi dont où quand comment pourquoi avec pour par sur sous "
        "dans en entre depuis jusqu avant après chez au aux plus moins très bien aussi ici là "
        "aujourd hui demain hier maintenant heure heures jour jours semaine semaines mois an "
        "ans année années cent degrés prix coûte environ merci bonjour oui non numéro chambre "
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre "
        "lundi mardi mercredi jeudi vendredi samedi dimanche monsieur madame température "
        "taille poids vitesse réunion"
    ),
    "es": (
        "el la los las un una unos unas de del y o pero no es son era eran está están ser "
        "estar ha han he hay yo tú él ella nosotros ellos ellas usted ustedes mi tu su sus "
        "nuestro que qué quien cuando cuándo cómo como dónde donde por para con sin sobre en "
        "entre desde hasta antes después al más menos muy también ya aquí hoy mañana ayer "
        "ahora hora horas día días semana semanas mes meses año años minuto minutos pesos "
        "ciento grados precio cuesta gracias hola sí número habitación enero febrero marzo "
        "abril mayo junio julio agosto septiembre octubre noviembre diciembre lunes martes "
        "miércoles jueves viernes sábado domingo señor señora temperatura reunión tren quedan "
        "tengo tienes tiene quiero quieres necesito puedo vale tenemos hemos unidades "
        "plazas paquete valor se usa todo"
    ),
    "pt": (
        "o a os as um uma uns umas de do da dos das e ou mas não é são era eram está estão "
        "ser estar foi tem têm há eu tu ele ela nós eles elas você vocês meu minha seu sua "
        "nosso que quem quando como onde por para com sem sobre em no na nos nas entre desde "
        "até antes depois ao aos à às mais menos muito também já aqui hoje amanhã ontem agora "
        "hora horas dia dias semana semanas mês meses ano anos minuto minutos reais cento "
        "graus preço custa cerca obrigado obrigada olá sim número quarto janeiro fevereiro "
        "março abril maio junho julho agosto setembro outubro novembro dezembro segunda terça "
        "quarta quinta sexta sábado domingo senhor senhora pelo pela temperatura reunião trem "
        "tenho tens quero preciso posso restam temos vendemos pacote caixa resultado valor "
        "vendas usa tudo leva se isso isto só"
    ),
    "it": (
        "il lo la i gli le un uno una di del della dello dei degli delle e o ma non è sono "
        "era erano essere ha hanno ho io tu lui lei noi voi loro mio mia tuo suo sua nostro "
        "che chi quando come dove perché per con senza su sul sulla in nel nella tra fra da "
        "dal dalla fino prima dopo al alla allo ai alle più meno molto anche già qui oggi "
        "domani ieri adesso ora ore giorno giorni settimana settimane mese mesi anno anni "
        "minuto minuti euro cento gradi prezzo costa circa grazie ciao sì numero camera "
        "va bene voglio vorrei posso stanza gennaio febbraio marzo aprile maggio giugno "
        "luglio agosto settembre ottobre "
        "novembre dicembre lunedì martedì mercoledì giovedì venerdì sabato domenica signor "
        "signora temperatura riunione treno restano abbiamo pezzi posti pacco tutto si se usa mi "
        "scusi prego"
    ),
}


def _by_word() -> dict[str, tuple[str, ...]]:
    languages: dict[str, tuple[str, ...]] = {}
    for language, words in _COMMON.items():
        for word in dict.fromkeys(words.split()):
            languages[word] = (*languages.get(word, ()), language)
    return languages


LANGUAGE_OF: Final = _by_word()

ENGLISH_PARTICLES: Final = frozenset([
    "an", "the", "is", "are", "was", "were", "be", "been", "it", "he", "she", "we", "you",
    "they", "my", "your", "his", "her", "its", "our", "their", "this", "that", "of", "to", "in",
    "on", "at", "by", "for", "from", "with", "and", "or", "not", "do", "does", "did", "has",
    "have", "had", "will", "can",
])  # fmt: skip
CHINESE_PARTICLES: Final = frozenset(
    "的了是在我你他她它有和个吗呢吧这那不也就都要把被给到用请为跟与比从对"
)
