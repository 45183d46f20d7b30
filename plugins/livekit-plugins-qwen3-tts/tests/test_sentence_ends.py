"""Where a sentence ends, in ten languages; each text is given with its cuts."""

from __future__ import annotations

import pytest
from livekit.plugins.qwen3_tts import Segmenter

from .test_segmenter import units

WHOLE = {
    "en": [
        "The Symphony in C, Op. 67 is loud.",
        "My card, exp. 08/27, is old.",
        "It took 2 hrs. 15 mins. to do.",
        "The mtg. is at 3 and the appt. at 4 today.",
        "It's 10 sq. ft. and 5 cu. in. of space.",
        "The temp. was avg. 5 in chs. 3 and app. 2 of it.",
        "It's no. 5 on the list.",
        "Please turn to p. 55 of the manual.",
        "You can reach her at ext. 14 from nine.",
        "The mill was built c. 1985 by his father.",
        "It is run by the U.S. Government and the U.S. Army.",
        "He reads the N.Y. Times every day.",
        "At 5 a.m. Mr. Smith went to the bank.",
        "We saw Mt. Fuji and St. Mary's with Prof. Jones.",
        "They closed the deal with Briggs & Co. at noon.",
        "See vol. 2, ch. 3, figs. 4 and 5 for more.",
        "It is due on Nov. 29 or on Sat. morning.",
        "Then a ! = b holds for both of them.",
        "Take some fruit, e.g. apples, pears, etc. and wait.",
        "J. R. R. Tolkien wrote it, i.e. all of it.",
        "It was No. 5 in the U.K. for weeks.",
        "The item weighs approx. 5 kilos.",
        "Mr. J. P. Morgan Jr. lived on E. 5th St. in N.Y.",
        "See Sec. 2.1.3 and App. B for more.",
        "It's approx. 3 p.m. EST now.",
        "Gov. Lee, Sen. Ray and Rep. Fox met.",
        "He is 6 ft. 2 in all and 180 lbs. heavy.",
        "Go to Rm. 5 on the 2nd fl. now.",
        "Take I-5 N. to Exit 3.",
        "It says 5 &times; 3 and a &lt; b here.",
        "Open http://localhost:8000/docs?a=1 in it.",
        "So 5! = 120 and 3! = 6 hold.",
        "See you soon :D and then bye.",
        "I would love to ;P but I cannot.",
        "We had fun there :-) all of us.",
        "Sorry about it :( my dear friend.",
        "Yahoo! is older than the others.",
        "A 12 oz. latte or a 16-oz. one, 2 tsp. of it.",
    ],
    "de": [
        "Der Zug kommt auf Gl. 3 an.",
        "Die Firma Lang & Co. KG hat Personal.",
        "Er kam als 1. ins Ziel.",
        "Das gilt insb. für Kinder und bspw. für Tiere.",
        "Wir sind v. a. montags da und Friedrich III. auch.",
        "Siehe Fußn. 4, Anm. 5 und die MwSt. pro Tag.",
        "Sie wurde als 2. geboren.",
        "Das Fest ist am 3. Oktober in Berlin.",
        "Was sind die Konsequenzen der Abstimmung vom 12. Juni?",
        "Wir brauchen z. B. Wasser und d. h. viel davon.",
        "Es geht d.h. um alles, z.B. um Geld.",
        "Herr Dr. Maier und Hr. Prof. Schulz wohnen in Nr. 12.",
        "Das steht auf S. 225, vgl. Kap. 3 und Abs. 4.",
        "Draußen sind es -5 °C und Schnee.",
        "Wir wohnen in der Berliner Str. 5 bei Fr. Lang.",
        "Der 2. Weltkrieg und das 19. Jahrhundert.",
        "Ich kann u. a. Spanisch und ggf. Italienisch.",
        "Das kostet ca. 3 Mio. Euro inkl. Steuer.",
        "Sie kommen bis zum 31. Dezember bzw. später.",
        "Wir treffen uns am Mo. um 9 Uhr im 2. Stock.",
        "Das ist lt. Vertrag bis 30.06.2027 gültig.",
        "Sie kommt Mitte Okt. oder Anf. Nov. zurück.",
        "Im 3. Quartal stieg der Umsatz um 5 Prozent.",
        "Wir sind mind. 3 Personen und das gem. § 5.",
        "Die Kosten liegen bei mind. drei Euro.",
        "Das ist gem. Vertrag so und kostet rd. 5 Euro.",
        "Sie mag bes. die Berge und bes. Seen.",
    ],
    "fr": [
        "Il habite av. Foch avec MM. Durand et Petit.",
        "J'ai vu M. Martin, Mme. Blanc et Mlle. Roux.",
        "C'est au bd. Victor, p. ex. au n. 12.",
        "Voir chap. 3, p. 55, env. deux pages.",
        "Le Dr. Petit et le Pr. Blanc arrivent.",
        "Le R.-V. est à 14 h. avec M. Roy.",
        "Elle vit à St. Denis, bât. B, apt. 4.",
        "La Sté. Dupont, tél. 01 23 45 67 89, répond.",
        "C.-à-d. que tout va bien.",
    ],
    "es": [
        "La Sra. López vive en EE. UU. desde enero.",
        "Puede venir, p. ej. el lunes, con el Sr. Ruiz.",
        "El Dr. Gil y la Dra. Paz están en la pág. 12.",
        "Mi tel. 555 y mi núm. 7 son nuevos.",
        "Ud. puede llamar a la Srta. Ana.",
        "Está en la avda. Goya, cap. 4, art. 5.",
        "Vive en C. Mayor 5, 2.º izq. con su tía.",
        "Llegó el 5 de sept. de 2020 a Madrid.",
    ],
    "it": [
        "Abita al n. 5, int. 3 della via.",
        "Nel sec. XX si viveva bene.",
        "Cfr. il testo di ieri.",
        "Vedi vol. II di quel libro.",
        "Il Sig. Rossi abita al n. 12 con la Sig.ra Bianchi.",
        "Il Dott. Verdi e l'Avv. Neri, ad es. RAM e CPU.",
        "Si veda pag. 7 e cap. 3, art. 2 della legge.",
        "Porti frutta, pane ecc. e poi vada.",
        "Nato nel 50 a. C. a Roma.",
        "Vedi fig. 3 a pag. 12, par. 4.",
    ],
    "pt": [
        "O Sr. Silva e a Dra. Ana chegaram cedo.",
        "Veja a pág. 7, o art. 5 e o cap. 2 do livro.",
        "O Exmo. Prof. Costa mora na av. Brasil.",
        "A Sra. Lima e o Eng. Reis, p. ex. hoje.",
        "O V. Exa. pode vir na R. Augusta, n. 5.",
        "Fica na Av. Paulista, apto. 12, 3.º andar.",
        "O jogo é às 15 h. no sáb. à tarde.",
    ],
    "ru": [
        "Он живёт на ул. Ленина, д. 5, кв. 12.",
        "Это близко, т.е. рядом, т. е. совсем рядом.",
        "А. С. Пушкин жил в г. Москва и писал.",
        "В 2020 г. он приехал, см. стр. 5.",
        "Им. проф. Иванова, т. к. он умер.",
        "Яблоки, груши и т. д. лежат там.",
        "Цена 5 тыс. руб. за шт. и 3 млн. в год.",
        "Ок. 5 км. от города, ст. метро рядом.",
        "Гл. врач и зам. директора пришли.",
    ],
    "ja": ["彼は「行く。」と言って出た。", "税率は３．５％です。"],
    "ko": ["김 씨는 3.5점을 받았다고 말했다.", "우리는 2:30부터이고 나중에 만나요."],
    "zh": ["我们明天一起去看《摔跤吧！爸爸》好吗？", "圆周率约等于3.14，对不对？", "他说：“走。”"],
}
ENDS = {
    "en": [
        ("I live in the U.S.", " How about you?"),
        ("She asked Jane and co.", " They should know."),
        ("There were pears, figs, etc.", " Then we left."),
        ("The answer to that is no.", " It never was."),
        ("So it is a yes or a no.", " 5 people said yes."),
        ("She said no.", " 3 times she did."),
        ("We sat in the sun.", " Then it rained."),
        ("He won 3.", " Then he left."),
        ("It weighs 5 mm.", " Then stop."),
        ("Is it an ISO norm, then?", " Yes, it is."),
        ("I'm 5 ft.", " You are tall."),
        ("Do one more rep.", " Then rest."),
        ("We met at 5 p.m.", " Then we left."),
        ("It is chapter 5!", " Read it."),
    ],
    "de": [
        ("Wir haben Saft, Bier usw.", " Danach gehen wir."),
        ("Es gab im Haus 3.", " Dann gingen wir."),
        ("Das ist schön.", " Wir freuen uns."),
        ("Ich wohne im 3. Stock.", " Sie auch."),
        ("Es sind 5 km.", " Gehen wir."),
        ("„Komm her!“", " Dann ging er."),
    ],
    "fr": [("Il arrive demain.", " Nous partons."), ("Voilà du pain, etc.", " Ensuite on part."),
           ("Où il est.", " Elle vient aussi.")],
    "es": [("Está bien.", " Vamos."), ("Hay pan, vino, etc.", " Luego nos vamos."),
           ("No sé qué es.", " ¿Y tú?")],
    "it": [("Va bene così.", " Andiamo."), ("Pane, vino, ecc.", " Poi andiamo.")],
    "pt": [("Tudo bem agora.", " Vamos."), ("Pão, vinho, etc.", " Depois vamos.")],
    "ru": [("Всё хорошо теперь.", " Пойдём."), ("Хлеб, сыр и т. д.", " Потом пойдём."),
           ("Это было в 2020 г.", " Потом он уехал."), ("Там 5 км.", " Пойдём.")],
    "ja": [("今日はいい天気。", "散歩に行きましょう。"), ("そうですか？", "わかりました。")],
    "ko": [("안녕하세요 여러분.", " 오늘 날씨가 좋네요."), ("정말요?", " 네, 그래요.")],
    "zh": [("今天天气很好。", "我们走吧。"), ("真的吗？", "当然是真的。")],
}  # fmt: skip


@pytest.mark.parametrize("text", [text for texts in WHOLE.values() for text in texts])
def test_no_sentence_ends_in_an_abbreviation(text: str) -> None:
    for queued in (0.0, 2.0):
        for tokens in ([], list(range(len(text)))):
            found = units(text, tokens, queued, starter=False)
            # A pause may part a unit; a full stop that ends nothing may not.
            assert not [unit for unit in found[:-1] if unit.rstrip()[-1] in ".!．"], found
            assert not [unit for unit in found if unit.lstrip()[0] in ".!．"], found


@pytest.mark.parametrize(("first", "second"), [pair for pairs in ENDS.values() for pair in pairs])
def test_a_sentence_ends_where_it_does(first: str, second: str) -> None:
    for tokens in ([], list(range(len(first + second)))):
        assert units(first + second, tokens, starter=False) == [first, second]


@pytest.mark.parametrize(
    "text",
    [
        "The centre meteor. is broken",
        "It is on Yahoo! in the news",
        'He said "Stop it now." to her',
    ],
)
def test_with_audio_queued_a_small_letter_goes_on(text: str) -> None:
    for tokens in ([], list(range(len(text)))):
        assert units(text + ".", tokens, 2.0, starter=False) == [text + "."]


def test_a_first_unit_does_not_wait_behind_a_word_that_is_no_abbreviation() -> None:
    segmenter = Segmenter()
    segmenter.push("Of course. ")
    assert segmenter.take() == "Of course."
