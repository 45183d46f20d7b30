"""What is a sum that somebody asks for, in ten languages, and which two numbers are none."""

from __future__ import annotations

import pytest

from agent.languages import LANGUAGES, Language
from agent.spoken_sums import sum_in

SUMS = [
    ("en", "What is 17 times 23?", "17 * 23"),
    ("en", "What is seventeen times twenty-three?", "17 * 23"),
    ("en", "How much is two hundred and five plus three", "205 + 3"),
    ("en", "One million divided by a thousand?", "1000000 / 1000"),
    ("en", "And 100 minus 42.", "100 - 42"),
    ("en", "12.5 x 4", "12.5 * 4"),
    ("en", "2 + 2 = ?", "2 + 2"),
    ("en", "1,200 + 300, please", "1200 + 300"),
    ("en", "What is 15 percent of 80?", "15% of 80"),
    ("en", "(3×4÷2)", "3 * 4 / 2"),
    ("zh", "三加五等于多少？", "3 + 5"),
    ("zh", "十七乘以二十三是多少？", "17 * 23"),
    ("zh", "一万零五百减去两百", "10500 - 200"),
    ("zh", "17×23等于多少？", "17 * 23"),
    ("de", "Was ist 7 mal 8?", "7 * 8"),
    ("fr", "Combien font 7 fois 8 ?", "7 * 8"),
    ("es", "¿Cuánto es 7 por 8?", "7 * 8"),
    ("it", "Quanto fa 7 per 8?", "7 * 8"),
    ("pt", "Quanto é 7 vezes 8?", "7 * 8"),
    ("ru", "Сколько будет 7 умножить на 8?", "7 * 8"),
    ("ja", "7かける8は？", "7 * 8"),
    ("ko", "7 곱하기 8은?", "7 * 8"),
    ("en", "What's 17 times 23?", "17 * 23"),
    ("en", "Excuse me, can you tell me what 12 plus 30 is?", "12 + 30"),
    ("en", "Hello there. Work out 9 minus 4, please.", "9 - 4"),
    ("en", "What is 10 - 4?", "10 - 4"),
    ("en", "10 - 4 =", "10 - 4"),
    ("en", "What is -3 + 5?", "-3 + 5"),
    ("zh", "请帮我算一下十二加三十", "12 + 30"),
    ("zh", "请问，１２＋３０等于几？", "12 + 30"),
    ("zh", "100减42得多少", "100 - 42"),
    ("de", "Was ist 12 plus 30?", "12 + 30"),
    ("de", "Wie viel sind 20 minus 4?", "20 - 4"),
    ("de", "Können Sie mir bitte sagen, was 12 geteilt durch 4 ist?", "12 / 4"),
    ("de", "12 plus 30", "12 + 30"),
    ("fr", "Bonjour, combien font 12 plus 30 ?", "12 + 30"),
    ("fr", "Calculez 20 moins 4, s'il vous plaît.", "20 - 4"),
    ("fr", "12 divisé par 4 égale combien ?", "12 / 4"),
    ("es", "¿Cuánto es 12 más 30, por favor?", "12 + 30"),
    ("es", "Hola, ¿cuánto son 3 por 2?", "3 * 2"),
    ("es", "20 menos 4", "20 - 4"),
    ("it", "Quanto fa 12 più 30?", "12 + 30"),
    ("it", "Scusi, quanto fa 20 meno 4?", "20 - 4"),
    ("it", "12 diviso 4 quanto fa?", "12 / 4"),
    ("pt", "Quanto é 12 mais 30?", "12 + 30"),
    ("pt", "Por favor, quanto é 20 menos 4?", "20 - 4"),
    ("pt", "12 dividido por 4 é quanto?", "12 / 4"),
    ("ru", "Сколько будет 12 плюс 30?", "12 + 30"),
    ("ru", "Посчитайте, пожалуйста, 20 минус 4.", "20 - 4"),
    ("ru", "12 разделить на 4", "12 / 4"),
    ("ja", "12たす30はいくつですか？", "12 + 30"),
    ("ja", "20ひく4は何ですか？", "20 - 4"),
    ("ja", "すみません、12わる4は？", "12 / 4"),
    ("ko", "12 더하기 30은 얼마예요?", "12 + 30"),
    ("ko", "20 빼기 4 계산해 주세요", "20 - 4"),
    ("ko", "12 나누기 4는 뭐예요?", "12 / 4"),
]
WRITTEN = [
    ("en", "1,500 plus 2", "1500 + 2"),
    ("en", "1.500 plus 2", "1.500 + 2"),
    ("en", "1,234.5 plus 2", "1234.5 + 2"),
    ("zh", "1,500加2等于多少？", "1500 + 2"),
    ("ja", "1,500たす2は？", "1500 + 2"),
    ("ko", "1,500 더하기 2는?", "1500 + 2"),
    ("de", "1.500 plus 2", "1500 + 2"),
    ("de", "Was ist 1,500 plus 2?", "1.500 + 2"),
    ("de", "Was ist 1.234,5 mal 2?", "1234.5 * 2"),
    ("de", "Was ist 1.5 mal 2?", "1.5 * 2"),
    ("es", "1.500 plus 2", "1500 + 2"),
    ("es", "¿Cuánto es 1.500 más 2,5?", "1500 + 2.5"),
    ("pt", "Quanto é 1.500 vezes 2?", "1500 * 2"),
    ("it", "Quanto fa 1.500 per 2?", "1500 * 2"),
    ("fr", "Combien font 1 500 plus 2,25 ?", "1500 + 2.25"),
    ("ru", "Сколько будет 1 500 плюс 2,25?", "1500 + 2.25"),
]
NO_SUMS = [
    ("en", "Are you open 24/7?"),
    ("en", "My number is 555-0143."),
    ("en", "That was on 2026-11-29."),
    ("en", "I have called three times."),
    ("en", "One or two of them, plus a cake."),
    ("zh", "今年有几个月？"),
    ("zh", "一加手机怎么样？"),
    ("de", "Ein mal ein Bier."),
    ("en", "My blood pressure is 120 over 80."),
    ("en", "120 over 80"),
    ("en", "Two adults plus 3 children, please, for Friday."),
    ("en", "I need a 5 x 4 board."),
    ("en", "We are open 9 - 17."),
    ("en", "9 - 17"),
    ("en", "1 / 2"),
    ("en", "How much are 3 plus 2 tickets for the 5 o'clock show?"),
    ("zh", "我要两份加三杯茶。"),
    ("zh", "三加五号房间都要。"),
    ("zh", "房间号是12-30。"),
    ("zh", "十减二促销还有吗？"),
    ("de", "Haben Sie zwischen 9 und 17 Uhr geöffnet?"),
    ("de", "Ich nehme die 3 und die 4."),
    ("de", "3 und 4"),
    ("de", "Haben Sie 2 mal 3 Karten?"),
    ("de", "Gilt 2 plus 1 gratis?"),
    ("es", "¿Tienen la oferta de 3 por 2?"),
    ("es", "3 por 2"),
    ("es", "¿Abren entre 9 y 17?"),
    ("es", "Una mesa de 2 por 4 metros."),
    ("fr", "L'offre 2 plus 1 est encore valable ?"),
    ("fr", "Je l'ai appelé 2 fois 3 jours de suite."),
    ("fr", "Une table de 3 moins 1 personne."),
    ("it", "Avete l'offerta 3 per 2?"),
    ("it", "3 per 2"),
    ("it", "Un tavolo da 2 più 1 bambino."),
    ("pt", "Tem a promoção 3 mais 1?"),
    ("pt", "Paguei em 3 vezes 20 reais."),
    ("pt", "Somos 4 menos 1 pessoa."),
    ("ru", "Столик 2 на 3 метра."),
    ("ru", "2 на 3"),
    ("ru", "Есть акция 2 плюс 1?"),
    ("ja", "大人2プラス3名で予約したいです。"),
    ("ja", "12-30号室です。"),
    ("ja", "2プラス1のセールはありますか？"),
    ("ko", "2 더하기 1 행사 하나요?"),
    ("ko", "성인 2 더하기 어린이 3명이요."),
    ("ko", "12-30호입니다."),
]


@pytest.mark.parametrize(("language", "text", "expression"), SUMS)
def test_a_sum_is_found(language: Language, text: str, expression: str) -> None:
    assert sum_in(text, language) == (language, expression)


@pytest.mark.parametrize(("language", "text", "expression"), WRITTEN)
def test_a_number_is_read_with_the_marks_of_its_language(
    language: Language, text: str, expression: str
) -> None:
    assert sum_in(text, language) == (language, expression)


def test_every_language_has_a_sum_and_what_is_none() -> None:
    assert {language for language, *_ in SUMS} == {language for language, _ in NO_SUMS}
    assert {language for language, *_ in WRITTEN} == set(LANGUAGES)


@pytest.mark.parametrize(("language", "text"), NO_SUMS)
def test_figures_that_are_no_sum_are_left(language: Language, text: str) -> None:
    assert sum_in(text, language) is None
