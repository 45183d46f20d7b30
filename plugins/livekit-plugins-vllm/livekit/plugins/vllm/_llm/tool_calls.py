"""Tool calls put together from a stream's deltas."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from livekit.agents import llm, utils

from .._text import whole, whole_deep
from ..log import logger
from .chunks import CallPiece

CUT_OFF = (
    "this call was cut off before its arguments were complete and has not been carried out: "
    "make it again, with shorter arguments"
)


@dataclass
class _Call:
    index: int | None
    id: str
    name: str
    arguments: str = ""

    @property
    def complete(self) -> bool:
        return self.arguments.rstrip().endswith("}") and _is_object(self.arguments)


class ToolCallAssembler:
    """Gives out each call once its arguments are complete.

    Calls stream one after another or side by side; they are told apart by their index, and where
    a server gives several calls one index or none, by their ids and by where an arguments' object
    ends. Malformed but complete arguments are passed on: LiveKit repairs them before it runs a
    tool, or answers the model with what is wrong. A cut-off call must not be repaired ("100" may
    have been "1000"): its arguments become a JSON string, which LiveKit refuses to run and hands
    to the model as the tool's error.

    Args:
        offered: Names of the tools that may be called, by which a name that comes in pieces or
            with marks around it is told.
    """

    def __init__(self, offered: Collection[str] = ()) -> None:
        self._offered = offered
        self._ids: set[str] = set()
        self._open: list[_Call] = []  # in the order in which they began
        self._latest: dict[int | None, _Call] = {}

    def add(self, pieces: Iterable[CallPiece]) -> list[llm.FunctionToolCall]:
        """Take pieces; return the calls that are complete because the next one has begun."""
        for piece in pieces:
            call = self._call_of(piece)
            # A name comes whole and once; some parsers send it again with every delta.
            if self._more_of_name(piece, call):
                call.name += piece.name
            call.name = call.name or piece.name
            call.id = call.id or piece.id
            if piece.name and call.arguments and piece.arguments.startswith(call.arguments):
                call.arguments = ""  # sent anew from its start with every delta
            if call.arguments.strip() == "{}" and piece.arguments.strip():
                call.arguments = ""  # was only a placeholder for what is streamed now
            if not call.complete:
                call.arguments += piece.arguments
        complete = [call for call in self._open[:-1] if call.complete]
        self._open = [call for call in self._open if call not in complete]
        return [self._given_out(call) for call in complete]

    def finish(self, *, cut_off: bool) -> list[llm.FunctionToolCall]:
        """The calls still open at the end of the stream.

        Args:
            cut_off: Whether a limit or the server stopped the stream, rather than the model.
        """
        calls, self._open = self._open, []
        self._latest.clear()
        for call in calls:
            if cut_off and not _is_object(call.arguments):
                logger.warning(
                    "tool call cut off",
                    extra={"tool": call.name, "characters": len(call.arguments)},
                )
                call.arguments = json.dumps(CUT_OFF)
        return [self._given_out(call) for call in calls if call.name]

    def _call_of(self, piece: CallPiece) -> _Call:
        index = piece.index
        if index is None:
            # Not numbered: the call that has this id, or else the one that is being written.
            same = (c for c in self._open if piece.id and c.id == piece.id)
            latest = next(same, self._open[-1] if self._open else None)
        else:
            latest = self._latest.get(index)
        if latest is None or self._begins_another(piece, latest):
            name = piece.name or (latest.name if latest else "")
            latest = self._latest[index] = _Call(index, piece.id, name)
            self._open.append(latest)
        return latest

    def _more_of_name(self, piece: CallPiece, call: _Call) -> bool:
        if not (call.name and piece.name) or call.arguments or piece.name == call.name:
            return False
        longer = call.name + piece.name
        return any(name.startswith(longer) for name in self._offered)

    @staticmethod
    def _begins_another(piece: CallPiece, call: _Call) -> bool:
        another_id = bool(piece.id and call.id and piece.id != call.id)
        if not call.complete:
            # Old servers make up an id for every delta; a call is begun with its name.
            return another_id and bool(piece.name)
        arguments = piece.arguments.strip()
        if another_id and piece.name:
            return True
        if not call.name:
            return False  # its name comes last
        if piece.id and call.id and not another_id:
            # One id for two calls, unless this is what the first was a placeholder for.
            second = call.arguments.strip() != "{}" and arguments != call.arguments.strip()
            return bool(piece.name) and second and _is_object(arguments)
        if piece.name not in ("", call.name):
            return True
        # What is sent once more as a whole is no second call, nor what follows a placeholder.
        if call.arguments.strip() == "{}" and not piece.name:
            return False
        return bool(arguments) and arguments != call.arguments.strip()

    def _given_out(self, call: _Call) -> llm.FunctionToolCall:
        call_id = whole(call.id)
        if not call_id or call_id in self._ids:
            call_id = utils.shortuuid("call_")  # results are told apart by it
        self._ids.add(call_id)
        return llm.FunctionToolCall(
            name=self._name(whole(call.name)),
            arguments=_sendable(_unwrapped(call.arguments)),
            call_id=call_id,
        )

    def _name(self, written: str) -> str:
        """The name of a tool on offer, if it is that with marks around it."""
        bare = written.partition("<|")[0].strip(" \t\n\"'`").removeprefix("functions.")
        return bare if written not in self._offered and bare in self._offered else written


def _unwrapped(arguments: str) -> str:
    """Arguments without a further string around them; none at all are an empty object."""
    if arguments.strip() in ("", "null"):
        return "{}"
    if arguments.lstrip().startswith('"'):
        try:
            inner = json.loads(arguments)
        except (ValueError, RecursionError):
            return arguments
        if isinstance(inner, str) and _is_object(inner):
            return inner
    return arguments


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def _sendable(arguments: str) -> str:
    """The arguments without halves of characters, be they bare or written as escapes."""
    arguments = whole(arguments)
    if "\\u" in arguments or "\\U" in arguments:
        try:
            parsed = json.loads(arguments)
        except (ValueError, RecursionError):
            return arguments
        mended = whole_deep(parsed)
        if mended != parsed:
            return json.dumps(mended, ensure_ascii=False)
    return arguments
