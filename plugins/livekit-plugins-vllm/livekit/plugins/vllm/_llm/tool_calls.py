"""Tool calls put together from a stream's deltas."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from livekit.agents import llm, utils
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from ..log import logger

CUT_OFF = (
    "this call was cut off before its arguments were complete and has not been carried out: "
    "make it again, with shorter arguments"
)


@dataclass
class _Call:
    id: str
    name: str
    arguments: str


class ToolCallAssembler:
    """Gives out each call once its arguments are complete.

    Calls stream one after another or side by side; both are told apart by their index. Malformed
    but complete arguments are passed on: LiveKit repairs them before it runs a tool, or answers
    the model with what is wrong. A cut-off call must not be repaired ("100" may have been
    "1000"): its arguments become a JSON string, which LiveKit refuses to run and hands to the
    model as the tool's error.
    """

    def __init__(self) -> None:
        self._open: dict[int, _Call] = {}

    def add(self, deltas: Iterable[ChoiceDeltaToolCall]) -> list[llm.FunctionToolCall]:
        """Take deltas; return the calls that are complete because the next one has begun."""
        for delta in deltas:
            call = self._open.get(delta.index)
            if call is None:
                call = self._open[delta.index] = _Call(delta.id or utils.shortuuid("call_"), "", "")
            if delta.function is not None:
                # A name comes whole and once; some parsers send it again with every delta.
                call.name = call.name or delta.function.name or ""
                call.arguments += delta.function.arguments or ""
        newest = max(self._open, default=0)
        complete = [i for i, c in self._open.items() if i < newest and _is_object(c.arguments)]
        return [_given_out(self._open.pop(index)) for index in sorted(complete)]

    def finish(self, *, cut_off: bool) -> list[llm.FunctionToolCall]:
        """The calls still open at the end of the stream.

        Args:
            cut_off: Whether a limit or the server stopped the stream, rather than the model.
        """
        calls, self._open = [self._open[index] for index in sorted(self._open)], {}
        for call in calls:
            if cut_off and not _is_object(call.arguments):
                logger.warning(
                    "tool call cut off",
                    extra={"tool": call.name, "characters": len(call.arguments)},
                )
                call.arguments = json.dumps(CUT_OFF)
        return [_given_out(call) for call in calls if call.name]


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except ValueError:
        return False


def _given_out(call: _Call) -> llm.FunctionToolCall:
    return llm.FunctionToolCall(name=call.name, arguments=call.arguments, call_id=call.id)
