"""Plain functions become tools: what their docstring and types say is what the model is told."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, TypeVar, get_args, get_type_hints

from livekit.agents import RunContext, function_tool
from livekit.agents.llm import FunctionTool, RawFunctionTool
from livekit.agents.llm.utils import is_context_type

from agent.conduct import Conduct
from agent.languages import Language
from agent.wrong import SettingsError

from .guarded import DEADLINE, agreed, in_time
from .question import Asking, Question, placeholders
from .thread import in_thread

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = "__parley_tool__"
_CONTEXT = "run_context"
"""The parameter by which LiveKit tells a tool of its call, where the function has none itself."""
_LONGEST_DEADLINE = 300.0
"""Seconds. A caller waits for no tool that long, but may be told to by one."""


@dataclass(frozen=True)
class _Options:
    question: Question | Asking | None = None
    deadline: float = DEADLINE


def confirm(question: str | Asking, **by_language: str) -> Callable[[F], F]:
    """Have the caller asked before a tool is run, and run it only after their yes.

    The code asks, after the model has called the tool with its arguments; nobody can talk over the
    question, and only what is said after it counts. Nothing is run after a no or a silence.

    Args:
        question: What they are asked, such as ``Shall I book {service} on {day}?``, with the
            arguments in braces. Or a function that takes what the tool takes and gives that text,
            or a dictionary of it by language; where it raises ``ToolError``, nobody is asked.
        **by_language: The same in languages of their own, such as ``zh="要我预约{service}吗？"``.

    Raises:
        ValueError: A language is not one that we speak.
    """
    for language in by_language:
        if language not in get_args(Language):
            raise ValueError(
                f"confirm has no language {language} (there are {', '.join(get_args(Language))})"
            )
    if not isinstance(question, str):
        if by_language:
            raise ValueError("confirm has a function, which gives every language by itself")
        return _with(question=question)
    asked: dict[Any, str] = {"any": question, **by_language}
    return _with(question=asked)


def deadline(seconds: float) -> Callable[[F], F]:
    """Let a tool take so many seconds, in place of 10.

    Args:
        seconds: From 0.1 to 300. A function that is not async goes on in its thread even then.

    Raises:
        ValueError: It is out of range.
    """
    if not 0.1 <= seconds <= _LONGEST_DEADLINE:
        raise ValueError(f"deadline must be from 0.1 to {_LONGEST_DEADLINE:g} seconds")
    return _with(deadline=seconds)


def _with(**options: Any) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        if not inspect.isfunction(function):
            raise TypeError(
                f"{getattr(function, '__name__', function)} is a tool of LiveKit's already: leave "
                "@function_tool out"
            )
        known = getattr(function, _OPTIONS, _Options())
        setattr(function, _OPTIONS, replace(known, **options))
        return function

    return decorate


def functions_of(
    module: ModuleType,
) -> list[FunctionTool[..., Any] | RawFunctionTool[..., Any]]:
    """The tools of a module: each public function that is defined in it, in their order.

    Raises:
        SettingsError: A function does not tell the model enough; the text says what is missing.
    """
    tools: list[FunctionTool[..., Any] | RawFunctionTool[..., Any]] = []
    for name, member in vars(module).items():
        if isinstance(member, FunctionTool | RawFunctionTool):
            tools.append(member)
        elif (
            inspect.isfunction(member)
            and member.__module__ == module.__name__
            and not name.startswith("_")
        ):
            try:
                tools.append(as_tool(member))
            except ValueError as e:
                raise SettingsError(f"{module.__file__}: {name} {e}.") from e
    return tools


def as_tool(function: Callable[..., Any]) -> FunctionTool[..., Any]:
    """A function as a tool of LiveKit's.

    Raises:
        ValueError: It cannot be one; the text says why, after its name.
    """
    options: _Options = getattr(function, _OPTIONS, _Options())
    if not (function.__doc__ or "").strip():
        raise ValueError("has no docstring, by which the model is told what the tool does")
    signature = inspect.signature(function)
    hints = _hints(function)
    for name, parameter in signature.parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ValueError(f"takes *{name}, of which the model cannot be told")
        if name not in hints:
            raise ValueError(f"does not say of which type {name} is")
    own = next((n for n, t in hints.items() if is_context_type(t, allow_subclasses=True)), None)
    is_async = inspect.iscoroutinefunction(function)
    if own and not is_async:
        raise ValueError("takes a RunContext, which is for async functions")
    arguments = [name for name in signature.parameters if name != own]
    _check(options.question, arguments)

    async def call(*args: Any, **kwargs: Any) -> Any:
        context = kwargs.pop(_CONTEXT, None)
        values = signature.bind(*args, **kwargs).arguments
        said = {name: value for name, value in values.items() if name != own}
        if callable(question := options.question):
            asked = await in_time(
                name_, options.deadline, lambda: in_thread(lambda: question(**said))
            )
            await agreed(values[own] if own else context, _by_language(asked))
        elif question:
            await agreed(values[own] if own else context, question, said)
        if is_async:
            return await in_time(name_, options.deadline, lambda: function(**values))
        return await in_time(name_, options.deadline, lambda: in_thread(lambda: function(**values)))

    name_ = function.__name__
    call.__name__, call.__qualname__, call.__doc__ = name_, name_, function.__doc__
    call.__module__ = function.__module__
    context = inspect.Parameter(
        _CONTEXT, inspect.Parameter.KEYWORD_ONLY, annotation=RunContext[Conduct]
    )
    added = [] if own else [context]
    call.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *added]
    )
    call.__annotations__ = hints | ({} if own else {_CONTEXT: RunContext[Conduct]})
    return function_tool(call)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as e:
        raise ValueError(f"names a type that is not imported: {e}") from e


def _by_language(asked: str | Mapping[Any, str]) -> Question:
    return {"any": asked} if isinstance(asked, str) else asked


def _check(question: Question | Asking | None, arguments: list[str]) -> None:
    if callable(question):
        own = [*inspect.signature(question).parameters]
        if own != arguments:
            raise ValueError(
                f"asks by {question.__name__}, which takes {', '.join(own) or 'nothing'} where "
                f"the tool takes {', '.join(arguments) or 'nothing'}"
            )
        return
    for template in (question or {}).values():
        for name in placeholders(template):
            if name not in arguments:
                known = ", ".join(arguments) or "nothing"
                raise ValueError(f"asks about {{{name}}}, but takes {known}")
