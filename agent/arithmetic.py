"""Arithmetic that cannot take long, whatever a language model writes."""

from __future__ import annotations

import ast
import math
import operator
import re
import unicodedata
from collections.abc import Callable
from typing import TypeAlias

Number: TypeAlias = int | float

# A result that is spoken has a few digits; this is what a float holds.
_MOST_DIGITS = 300
_LONGEST = 500
_EXACT = 10**15

# "1,50,000", as India writes it.
_LAKHS = re.compile(r"[1-9]\d?(?:,\d\d)+,\d{3}")
_NUMBER = re.compile(r"\d[\d.,]*\d")
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "（": "(", "）": ")"})
# "20 % of 50", "3 x 4", "$5" and "2 + 2 =", as people write them.
_SHARE = re.compile(r"(\d(?:[\d.]*\d)?)\s*(?:%|percent)\s*of\s+")
_TIMES = re.compile(r"(?<=[\d)])\s+[xX]\s+(?=[\d(])")
_AROUND = re.compile(r"[$€£¥]|^\s*=|=\s*$")
# What Python understands and arithmetic does not.
_NO_ARITHMETIC = re.compile(r"[;=]|\b(?:and|or|not|if|else|is|in)\b")


class ArithmeticRefusedError(ValueError):
    """An expression that is not worked out; the text says why."""


def work_out(expression: str) -> str:
    """The value of an expression, with ten significant digits.

    Args:
        expression: Numbers with + - * / // % ** and brackets.

    Raises:
        ArithmeticRefusedError: It is something else, or its value is too large.
    """
    # Imported at first use: it is not needed to answer the phone.
    from simpleeval import SimpleEval

    if len(expression) > _LONGEST:
        raise ArithmeticRefusedError("it is too long")
    if "^" in expression:
        raise ArithmeticRefusedError("write ** for a power")
    written = _AROUND.sub("", unicodedata.normalize("NFKC", expression).translate(_SIGNS))
    written = _TIMES.sub(" * ", _SHARE.sub(r"\1 / 100 * ", _NUMBER.sub(_plain, written)))
    written = " ".join(written.split())  # in lines, only the first would count
    if _NO_ARITHMETIC.search(written):
        raise ArithmeticRefusedError("it is not arithmetic")
    evaluator = SimpleEval(operators=_OPERATORS, functions={}, names={})
    try:
        value = _checked(evaluator.eval(written))
    except ArithmeticRefusedError:
        raise
    except ZeroDivisionError as e:
        raise ArithmeticRefusedError("it divides by zero") from e
    except OverflowError as e:
        raise ArithmeticRefusedError("its value is too large") from e
    except SyntaxError as e:
        raise ArithmeticRefusedError(e.msg) from e
    except (RecursionError, MemoryError) as e:
        raise ArithmeticRefusedError("it is too deep") from e
    except Exception as e:
        said = str(e).rstrip(".")
        plain = said and "<" not in said
        raise ArithmeticRefusedError(said if plain else "it is not arithmetic") from e
    if isinstance(value, int) and abs(value) < _EXACT:
        return str(value)
    return f"{value:.10g}"


def _plain(number: re.Match[str]) -> str:
    """A number as Python writes it: without separators, with a point for its decimal mark.

    "1,234.5" and "1.234,5" are the same number; one comma before three digits parts thousands, and
    before any others it is the decimal mark.
    """
    written = number.group()
    comma, point = written.rfind(","), written.rfind(".")
    if comma < 0:
        return written.replace(".", "") if _grouped(written, ".") else written
    if point > comma:
        return written.replace(",", "")
    if point >= 0 or (written.count(",") == 1 and not _grouped(written, ",", least=1)):
        whole, _, decimals = written.rpartition(",")
        return f"{whole.replace('.', '').replace(',', '')}.{decimals}"
    grouped = _grouped(written, ",", least=1) or _LAKHS.fullmatch(written)
    return written.replace(",", "") if grouped else written


def _grouped(written: str, mark: str, *, least: int = 2) -> bool:
    """Whether a mark parts a number's thousands."""
    first, *groups = written.split(mark)
    if first.startswith("0") or len(groups) < least:
        return False
    return len(first) <= 3 and all(len(group) == 3 for group in groups)


def _checked(value: object) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ArithmeticRefusedError(
            "its value is not a real number" if isinstance(value, complex) else "it is not a number"
        )
    if isinstance(value, int) and value.bit_length() > _MOST_DIGITS * math.log2(10):
        raise ArithmeticRefusedError("its value is too large")
    if isinstance(value, float) and not math.isfinite(value):
        raise ArithmeticRefusedError("its value is too large")
    return value


def _bounded(work: Callable[..., Number]) -> Callable[..., Number]:
    """An operation whose operands and result are numbers of a size that takes no time."""

    def bounded(*operands: object) -> Number:
        return _checked(work(*map(_checked, operands)))

    return bounded


def _power(base: Number, exponent: Number) -> Number:
    if abs(base) > 1 and exponent * math.log10(abs(base)) > _MOST_DIGITS:
        raise ArithmeticRefusedError("its value is too large")
    result: Number = base**exponent
    return result


_OPERATORS = {
    ast.Add: _bounded(operator.add),
    ast.Sub: _bounded(operator.sub),
    ast.Mult: _bounded(operator.mul),
    ast.Div: _bounded(operator.truediv),
    ast.FloorDiv: _bounded(operator.floordiv),
    ast.Mod: _bounded(operator.mod),
    ast.Pow: _bounded(_power),
    ast.USub: _bounded(operator.neg),
    ast.UAdd: _bounded(operator.pos),
}
