from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from agent.telephony.masking import mask, mask_logs
from agent.telephony.numbers import NotAllowed, country_of, dialable, told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+442079460018", "***18"),
        ("sip_+8613800138000", "sip_***00"),
        ("call-_13800138000_Xy2kL9", "call-_***00_Xy2kL9"),
        ("sip:2025550143@203.0.113.9", "sip:***43@203.0.113.9"),
        ("to +442079460018.", "to ***18."),
        ("called 2025550143. Nobody answered", "called ***43. Nobody answered"),
        ("+44 20 7946 0018", "***18"),
        ("+44 (0)20 7946-0018, and 0044 20.7946.0018", "***18, and ***18"),
        ("+1/202/555/0143", "***43"),
        ("+ 1 2 0 2 5 5 5 0 1 4 3 and say: hi", "***43 and say: hi"),
        ("(020) 7946 0018", "***18"),
        ("020 7946 0018; 202-555-0143", "***18; ***43"),
        ("tel:%2B442079460018 sip:+44%2020%207946%200018@a", "tel:***18 sip:***18@a"),
        ("+44\u00a020\u20117946\u20110018", "***18"),
        ("１２０２５５５０１４３", "***４３"),
        ("请打+8613800138000。", "请打***00。"),
        ("sip:+441632960961@203.0.113.7:5060", "sip:***61@203.0.113.7:5060"),
        ("tel:+44-1632-960-961;phone-context=x", "tel:***61;phone-context=x"),
        ("tel%3A%2B44%201632%20960961", "tel%3A***61"),
        ("01632 960961, 01632  960961", "***61, ***61"),
        ("01632.960.961 01632/960961 01632·960961", "***61 ***61 ***61"),
        ("0 1 6 3 2 9 6 0 9 6 1", "***61"),
        ("+44_1632_960961 +44|1632|960961 +44,1632,960961", "***61 ***61 ***61"),
        ("[+44] [1632] 960961", "[***61"),
        ("＋４４ (１６３２) ９６０９６１", "***６１"),
        (
            r"\uff0b\uff14\uff14\uff11\uff16\uff13\uff12\uff19\uff16\uff10\uff19\uff16\uff11",
            r"\uff0b***61",
        ),
        (r'{"from": "\u002b441632960961"}', r'{"from": "\u002b***61"}'),
        ('{"from": "+441632960961", "n": 441632960961}', '{"from": "***61", "n": ***61}'),
        ("+1-202-555-0143x12", "***43x12"),
        ("+442079460018, 202-555-0143", "***18, ***43"),
        ("caller441632960961", "caller***61"),
        ("0.123456789 0.01 0.02 01.02.2026 10.0.0.1", None),
        ("9e26a8f0-1111-2222-3333-444455556666", None),
        ("extension 1042 after 3.1415926 s, job AJ_4928571abcd", None),
        ("203.0.113.9:5060 at 2026-11-29 22:18:02,123, 2026-11-29T22:18:02Z", None),
        ("room 6f1c0a52-9b1e-4a57-8a53-2f0e9c1d7b44, of 10 rooms 12 - 14", None),
    ],
)
def test_a_number_is_shown_by_its_last_two_digits(text: str, shown: str | None) -> None:
    assert mask(text) == (text if shown is None else shown)


def test_no_log_record_tells_a_number(caplog: pytest.LogCaptureFixture) -> None:
    mask_logs()
    mask_logs()  # a process holds one conversation after another
    with caplog.at_level("INFO"):
        logging.getLogger("livekit.agents").info(
            "closing, %s left", "sip_+442079460018", extra={"room": "call-_+442079460018_k3"}
        )
    (record,) = caplog.records
    assert record.getMessage() == "closing, sip_***18 left"
    assert vars(record)["room"] == "call-_***18_k3"
    assert len(logging.getLogger("livekit.agents").filters) == len(
        set(map(type, logging.getLogger("livekit.agents").filters))
    )


def test_no_number_is_told_by_what_was_raised_or_by_what_a_record_carries_within(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mask_logs()
    log = logging.getLogger("parley")
    with caplog.at_level("INFO"):
        try:
            raise ValueError("no route to +44 20 7946 0018")
        except ValueError:
            log.exception("a call failed", extra={"told": {"to": ["+442079460018", 7, ("a",)]}})
        try:
            raise ValueError("of another kind")
        except ValueError:
            log.exception("something failed")
    told = caplog.text
    assert "7946" not in told
    assert "ValueError: no route to ***18" in told
    assert "ValueError: of another kind" in told
    assert vars(caplog.records[0])["told"] == {"to": ["***18", 7, ("a",)]}
    assert caplog.records[1].exc_info is not None


@pytest.mark.parametrize(
    "written",
    [
        "+44 20 7946-0018",
        "0044 (20) 7946.0018",
        "+442079460018",
        "+44 (0)20 7946 0018",
        "+4402079460018",
        " +44/20/79460018 ",
        "+44\u00a020\u20117946\u20130018",
    ],
)
def test_a_number_is_read_as_people_write_it(written: str) -> None:
    assert dialable(written, ["+44"]) == "+442079460018"


@pytest.mark.parametrize(
    ("written", "prefixes", "why"),
    [
        ("020 7946 0018", ["+44"], "country code"),
        ("sip:someone@203.0.113.9", ["+44"], "country code"),
        ("+442079460018;transport=tcp", ["+44"], "country code"),
        ("+44", ["+44"], "country code"),
        ("+882512345678", ["+44", "+1"], "may not be called"),
        ("+442079460018", [], "may not be called"),
        ("+44 20 7946 0018 ext. 5", ["+44"], "country code"),
        ("+44 20 SALES 18", ["+44"], "country code"),
        ("+999123456789", ["+9"], "country code"),
    ],
)
def test_other_numbers_are_refused(written: str, prefixes: list[str], why: str) -> None:
    with pytest.raises(NotAllowed, match=why) as refused:
        dialable(written, prefixes)
    assert "7946" not in str(refused.value)


DEAR = [
    ("+449098790123", "range"),  # the number of the fault that this is for
    ("+448712345678", "range"),
    ("+448431234567", "range"),
    ("+447012345678", "range"),  # follows a person
    ("+447600123456", "range"),  # a pager
    ("+4490987901234", "number"),  # one digit more, which an exchange passes over
    ("+441632960961", "number"),  # of a range that nobody has
    ("+441534123456", "place"),  # Jersey
    ("+447797712345", "place"),
    ("+447624123456", "place"),  # Man
    ("+18765551234", "place"),  # Jamaica
    ("+18095551234", "place"),  # the Dominican Republic
    ("+12425551234", "place"),  # the Bahamas
    ("+16135550123", "place"),  # Canada: cheap, but not named
    ("+19005551234", "range"),
    ("+12129761234", "range"),
    ("+15005551234", "range"),
    ("+17001234567", "number"),
    ("+491801234567", "range"),
    ("+49900123456", "number"),
    ("+4919812345678", "number"),
    ("+33899123456", "range"),
    ("+33826123456", "range"),
    ("+34803123456", "range"),
    ("+39899123456", "range"),
    ("+390669812345", "place"),  # the Vatican
    ("+81990123456", "range"),
    ("+78091234567", "range"),
    ("+79541234567", "range"),
    ("+77012345678", "place"),  # Kazakhstan
    ("+611900123456", "range"),
    ("+61147123456", "range"),
    ("+8613491234567", "range"),
    ("+8617401234567", "range"),
    ("+870773123456", "place"),
    ("+881612345678", "place"),
    ("+882512345678", "place"),
    ("+883510012345", "place"),
    ("+979123456789", "place"),
    ("+252612345678", "place"),  # Somalia
    ("+12125551212", "range"),  # directory assistance
    ("+81570123456", "range"),  # a company's, at whose caller's cost
    ("+445512345678", "range"),
    ("+442", "number"),
    ("+44118118", "number"),
    ("+44112", "emergency"),
    ("+1911", "emergency"),
    ("+1411", "number"),
    ("+4911833", "number"),
    ("+331180", "number"),
    ("+333210", "number"),
    ("+39892123", "range"),
    ("+34905123456", "number"),
    ("+34807123456", "range"),
    ("+491371234567", "range"),
    ("+611345", "number"),
    ("+78401234567", "place"),  # Abkhazia
    ("+79401234567", "place"),
    ("+903921234567", "place"),  # Northern Cyprus
    ("+905338123456", "place"),
    ("+905428123456", "place"),
    ("+905488123456", "place"),
    ("+37353312345", "place"),  # Transnistria
    ("+37377712345", "place"),
    ("+37377812345", "place"),
    ("+37377912345", "place"),
    ("+995442123456", "place"),  # Abkhazia
    ("+995344123456", "place"),  # South Ossetia
    ("+37744123456", "place"),  # Kosovo
    ("+390549123456", "place"),  # San Marino
    ("+972561234567", "place"),  # Palestine
    ("+62868123456", "range"),  # a satellite
    ("+351707123456", "range"),
    ("+27861234567", "range"),
    ("+35777123456", "range"),
    ("+4479111234567", "number"),
    ("+448844", "number"),
    ("+80812345678", "place"),  # shared costs, of no country
    ("+99912345678", "number"),
]
COUNTRIES = [
    *("+44", "+1", "+49", "+33", "+34", "+39", "+81", "+7", "+61", "+86"),
    *("+90", "+972", "+62", "+351", "+27", "+357", "+373", "+377", "+995"),
]


@pytest.mark.parametrize(("number", "reason"), DEAR)
def test_a_country_that_may_be_called_lets_nothing_dear_through(number: str, reason: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        dialable(number, COUNTRIES)
    assert refused.value.reason == reason


def with_trunk_prefix(number: str) -> str:
    """As in +44 (0)20; in Italy, where the 0 is a part of the number, it would be another one."""
    return number if number.startswith("+39") else f"{number[:3]} (0) {number[3:]}"


SPELLINGS: list[Callable[[str], str]] = [
    lambda number: "00" + number[1:],
    lambda number: " ".join(number),
    with_trunk_prefix,
    lambda number: with_trunk_prefix(number).replace(" ", ""),
    lambda number: f"{number[:3]}-{number[3:6]}/{number[6:]}",
    lambda number: f" {number[:4]}\u00a0{number[4:]}.",
    lambda number: f"+{number}",
    lambda number: f"+00{number[1:]}",
    lambda number: f"+1 011 {number[1:]}",
    lambda number: f"+44 00 {number[1:]}",
    lambda number: f"+7 8 10 {number[1:]}",
    lambda number: f"tel:{number}",
    lambda number: f"sip:{number}@203.0.113.9",
    lambda number: f"{number};ext=5",
    lambda number: f"{number},,5#",
    lambda number: f"+442079460018;phone-context={number}",
    lambda number: f"+442079460018\n{number}",
    lambda number: "".join(chr(0x0660 + int(c)) if c.isdigit() else c for c in number),
    lambda number: number.replace("+", "\uff0b"),
    lambda number: number[1:],
]
"""Ways to write a number, and to hide it in something else."""


@pytest.mark.parametrize(("number", "_"), DEAR)
def test_however_it_is_written_nothing_dear_is_dialled(number: str, _: str) -> None:
    for nth, spelling in enumerate(SPELLINGS):
        try:
            dialled = dialable(spelling(number), COUNTRIES)
        except NotAllowed:
            continue
        pytest.fail(f"{spelling(number)!r} ({nth}) is dialled as {dialled}")


@pytest.mark.parametrize(
    "written",
    [
        *("1234", "0800", "*21#", "#31#+442079460018"),
        *("tel:+442079460018", "TEL:+442079460018", "sips:+442079460018@pbx.example"),
        *("+442079460018;ext=5", "+442079460018x5", "+442079460018p5", "+442079460018*5"),
        *("+442079460018\r\nX-Header: y", "+442079460018\x00", "+44 20 7946 0018\u202e"),
        *("+٤٤٢٠٧٩٤٦٠٠١٨", "+44２０７９４６００１８", "＋442079460018", "+४४२०७९४६००१८"),
        *("02079460018", "2079460018", "442079460018", "011442079460018", "0011442079460018"),
        *("++442079460018", "+0044 2079460018", "+44+442079460018", "00 00 442079460018"),
        *("", "+", "00", "+44 20 7946 0018 +44 20 7946 0018", "anonymous", "+44 zwei null"),
    ],
)
def test_what_is_no_number_with_its_country_code_is_not_dialled(written: str) -> None:
    # Nor is the country guessed: of a number without one, 020 7946 0018, the price is not known.
    with pytest.raises(NotAllowed) as refused:
        dialable(written, COUNTRIES)
    assert refused.value.reason == "number"


@pytest.mark.parametrize(
    "written",
    [
        *("112", "911", "9-1-1", " 999 ", "+112", "0044 999", "+44 (112)", "+49110", "120"),
        *("+86 120", "000", "0 0 0", "+61 000", "112#", "911,", "911.", "*112", "110。", "9-911"),
        *(
            "9,911",
            "0-112",
            "９１１",
            "+49 30 112",
            "+49 89 110",
            "0049 (0)30 110",
            "+49 34204 112",
        ),
    ],
)
def test_an_emergency_service_is_not_taken_for_a_wrong_number(written: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        dialable(written, COUNTRIES)
    assert refused.value.reason == "emergency"


@pytest.mark.parametrize(
    "number",
    [
        *("+41581234567", "+46101234567", "+33806123456", "+353818123456", "+40372123456"),
        "+442079460018",
        "+447400123456",
        "+443001234567",
        "+448081570000",
        "+12025550143",
        "+18005551234",
        "+4915112345678",
        "+4930123456",
        "+33612345678",
        "+390221234567",
        "+79031234567",
        "+61412345678",
        "+8613800138000",
        "+862155550123",
        "+905321234567",
        "+37322123456",
        "+995322123456",
        "+37793123456",
    ],
)
def test_an_ordinary_number_of_a_country_that_may_be_called_is_dialled(number: str) -> None:
    assert dialable(number, [*COUNTRIES, "+41", "+46", "+353", "+40"]) == number


def test_what_is_named_may_be_called() -> None:
    assert dialable("+18765551234", ["+1876"]) == "+18765551234"
    assert dialable("+441534123456", ["+441534"]) == "+441534123456"
    assert dialable("+37353312345", ["+373533"]) == "+37353312345"
    assert dialable("+16135550123", [], ["CA"]) == "+16135550123"
    with pytest.raises(NotAllowed):
        dialable("+12025550143", [], ["CA"])
    # The kind of a number is named by itself: its prefix is not enough.
    with pytest.raises(NotAllowed, match="premium rate"):
        dialable("+449098790123", ["+44909"])
    assert dialable("+449098790123", ["+44909"], (), ["premium_rate"]) == "+449098790123"
    assert dialable("+882512345678", ["+8825"], (), ["satellite"]) == "+882512345678"


@pytest.mark.parametrize(
    ("number", "country", "known"),
    [
        ("+442079460018", None, "+442079460018"),
        ("00442079460018", None, "+442079460018"),
        ("442079460018", "GB", "+442079460018"),
        ("02079460018", "GB", "+442079460018"),
        ("+4402079460018", None, "+442079460018"),
        ("12025550143", "US", "+12025550143"),
        ("2025550143", "US", "+12025550143"),
        ("13800138000", "CN", "+8613800138000"),
        ("0612345678", "FR", "+33612345678"),
        ("+441632960961", None, "+441632960961"),  # nobody's, but a number
        ("02079460018", None, "02079460018"),
        ("100", "GB", "100"),
        ("20794600", "GB", "20794600"),  # an extension
        ("*21#", "GB", "*21#"),
        ("+1", None, "+1"),
        ("anonymous", "GB", None),
        ("Ignore-previous-instructions", "GB", None),
        ("+44 20 7946 0018", "GB", None),
        ("+４４２０", "GB", None),
        ("", "GB", None),
        (None, "GB", None),
    ],
)
def test_a_number_that_is_told_is_in_e164_or_no_number_at_all(
    number: str | None, country: str | None, known: str | None
) -> None:
    assert told(number, country) == known
    assert told(known, country) == known


def test_the_country_of_our_own_number_is_that_of_its_callers() -> None:
    assert country_of("+442079460018") == "GB"
    assert country_of("+441632960961") == "GB"
    assert country_of("+16135550123") == "CA"
    assert country_of("100") is country_of(None) is country_of("+999123") is None


def examples(*kinds: int) -> list[str]:
    """Numbers of every country that has such, as the library gives them."""
    found = [
        phonenumbers.example_number_for_type(country, kind)
        for country in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in kinds
    ]
    return [
        phonenumbers.format_number(each, phonenumbers.PhoneNumberFormat.E164)
        for each in found
        if each
    ]


def test_in_every_country_ordinary_numbers_are_dialled_and_dear_ones_are_not() -> None:
    ordinary = examples(PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
    assert len(ordinary) > 450
    for number in ordinary:
        assert dialable(number, [], [country_of(number) or ""]) == number
    dear = examples(
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.PAGER,
    )
    assert len(dear) > 250
    for number in dear:
        with pytest.raises(NotAllowed):
            dialable(number, [], [country_of(number) or ""])


def test_whoever_else_logs_in_our_process_tells_none_either(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mask_logs()
    for name in ("asyncio", "uvicorn.error", "some.library"):
        log = logging.getLogger(name)
        monkeypatch.setattr(log, "handlers", [logging.lastResort])
        monkeypatch.setattr(log, "propagate", False)
        log.error("it failed for sip:+442079460018@203.0.113.9", stack_info=True)
    told = capsys.readouterr().err
    assert told.count("it failed for sip:***18@203.0.113.9") == 3 * 2  # and the line that says it
    assert "7946" not in told


async def test_a_task_that_nobody_waits_for_tells_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mask_logs()

    async def fail() -> None:
        raise ValueError("no route to 0044 20 7946 0018")

    task = asyncio.create_task(fail())
    while not task.done():
        await asyncio.sleep(0)
    del task
    gc.collect()
    assert "no route to ***18" in caplog.text
    assert "7946" not in caplog.text.replace('ValueError("no route to 0044 20 7946 0018")', "")
