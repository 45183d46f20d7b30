"""Trunks and dispatch rules in a LiveKit server, made to be what the file says.

What is here is recognised by its name and our mark; whatever else the server has is left alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from google.protobuf.duration_pb2 import Duration
from livekit import api
from livekit.protocol.sip import (
    SIPDispatchRuleCallee,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPOutboundTrunkInfo,
)

from agent.settings import LANGUAGE_ATTRIBUTE

from .caller_id import ASSERTED, PRIVACY
from .config import InboundTrunk, OutboundTrunk, Trunks, _Trunk
from .details import TRUNK
from .sip_call import LONGEST

MARK = "parley"
"""Metadata that marks what is ours; that of a rule becomes the metadata of its callers."""

UNKNOWN = "unknown_numbers"
"""Name of a trunk that lets nobody in; no trunk of the file can have it.

LiveKit is silent about a call that no trunk takes: whoever called hears the line ring, and their
giving up (CANCEL) is not answered either. Of those who may call other numbers this trunk asks for a
password that opens nothing, so that their exchange learns at once that the call fails (407).
Everybody else meets the silence: they are scanners.
"""

GRACE = 15
"""Seconds that LiveKit leaves a call beyond its longest: the agent's own end of it comes first."""

Info = TypeVar("Info", SIPInboundTrunkInfo, SIPOutboundTrunkInfo, SIPDispatchRuleInfo)
Outcome = Literal["created", "changed", "unchanged", "removed"]


@dataclass(frozen=True)
class Change:
    """What became of one trunk or rule."""

    kind: str
    name: str
    outcome: Outcome
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.outcome} ({self.id})"


@dataclass(frozen=True)
class Existing:
    """What a server has."""

    inbound: list[SIPInboundTrunkInfo]
    outbound: list[SIPOutboundTrunkInfo]
    rules: list[SIPDispatchRuleInfo]


async def existing(server: api.LiveKitAPI) -> Existing:
    """List the trunks and rules of a server, ours or not."""
    sip = server.sip
    inbound = await sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
    outbound = await sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())
    rules = await sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())
    return Existing([*inbound.items], [*outbound.items], [*rules.items])


async def setup(server: api.LiveKitAPI, trunks: Trunks) -> list[Change]:
    """Create, change and remove until the server has what the file says.

    Returns:
        What became of each trunk and rule, those that were right already included.
    """
    found = await existing(server)
    inbound, outbound, rules = _kinds(server)
    changes: list[Change] = []
    wanted = {name: _inbound(name, trunk) for name, trunk in trunks.inbound.items()}
    wanted |= _unknown([*wanted.values()], [t for t in found.inbound if not _is_ours(t)])
    # First what is to go: its numbers may be another trunk's now.
    changes += await rules.remove(found.rules, keep=trunks.inbound)
    changes += await inbound.remove(found.inbound, keep=wanted)
    changes += await outbound.remove(found.outbound, keep=trunks.outbound)

    trunk_changes = await inbound.settle(found.inbound, wanted)
    ids = {change.name: change.id for change in trunk_changes}
    to_rooms = {name: _rule(name, trunk, ids[name]) for name, trunk in trunks.inbound.items()}
    changes += trunk_changes
    changes += await rules.settle(found.rules, to_rooms)
    changes += await outbound.settle(
        found.outbound, {name: _outbound(name, trunk) for name, trunk in trunks.outbound.items()}
    )
    return changes


async def remove(server: api.LiveKitAPI) -> list[Change]:
    """Remove all that is ours."""
    return await setup(server, Trunks())


@dataclass(frozen=True)
class _Kind(Generic[Info]):
    """How one kind of thing is created, replaced and deleted."""

    what: str
    id_field: str
    create: Callable[[Info], Awaitable[Info]]
    replace: Callable[[str, Info], Awaitable[Info]]
    delete: Callable[[str], Awaitable[object]]

    async def remove(self, found: list[Info], keep: Mapping[str, object]) -> list[Change]:
        """Delete those of ours that are not to be kept, and duplicates of those that are."""
        changes = []
        names: set[str] = set()
        for info in filter(_is_ours, found):
            if info.name not in keep or info.name in names:
                await self.delete(self._id(info))
                changes.append(Change(self.what, info.name, "removed", self._id(info)))
            names.add(info.name)
        return changes

    async def settle(self, found: list[Info], wanted: Mapping[str, Info]) -> list[Change]:
        """Create or replace what is not as wanted."""
        ours = {info.name: info for info in reversed(found) if _is_ours(info)}
        return [await self._settle(ours.get(name), info) for name, info in wanted.items()]

    async def _settle(self, present: Info | None, wanted: Info) -> Change:
        if present is None:
            made = await self.create(wanted)
            return Change(self.what, wanted.name, "created", self._id(made))
        if self._same(present, wanted):
            return Change(self.what, wanted.name, "unchanged", self._id(present))
        await self.replace(self._id(present), wanted)
        return Change(self.what, wanted.name, "changed", self._id(present))

    def _id(self, info: Info) -> str:
        return str(getattr(info, self.id_field))

    def _same(self, present: Info, wanted: Info) -> bool:
        stripped = type(present)()
        stripped.CopyFrom(present)
        for field in (self.id_field, "created_at", "updated_at"):
            stripped.ClearField(field)
        return bool(stripped == wanted)


def _kinds(
    server: api.LiveKitAPI,
) -> tuple[_Kind[SIPInboundTrunkInfo], _Kind[SIPOutboundTrunkInfo], _Kind[SIPDispatchRuleInfo]]:
    sip = server.sip

    async def delete_trunk(id: str) -> None:
        await sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=id))

    return (
        _Kind(
            "inbound trunk",
            "sip_trunk_id",
            lambda info: sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(trunk=info)),
            sip.update_inbound_trunk,
            delete_trunk,
        ),
        _Kind(
            "outbound trunk",
            "sip_trunk_id",
            lambda info: sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(trunk=info)),
            sip.update_outbound_trunk,
            delete_trunk,
        ),
        _Kind(
            "dispatch rule",
            "sip_dispatch_rule_id",
            lambda info: sip.create_dispatch_rule(
                api.CreateSIPDispatchRuleRequest(dispatch_rule=info)
            ),
            sip.update_dispatch_rule,
            lambda id: sip.delete_dispatch_rule(
                api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=id)
            ),
        ),
    )


def _is_ours(info: Any) -> bool:
    return bool(info.metadata == MARK)


def _trunk_fields(name: str, trunk: _Trunk) -> dict[str, Any]:
    return {
        "name": name,
        "metadata": MARK,
        "numbers": trunk.numbers,
        "auth_username": trunk.username or "",
        "auth_password": trunk.password,
        "media_encryption": f"SIP_MEDIA_ENCRYPT_{trunk.encryption.upper()}",
    }


def _inbound(name: str, trunk: InboundTrunk) -> SIPInboundTrunkInfo:
    return SIPInboundTrunkInfo(
        **_trunk_fields(name, trunk),
        # Always as a network, 203.0.113.7/32: LiveKit lets in a call whose From names that very
        # text as its host, and no honest host has a slash, so that the agent can tell.
        allowed_addresses=[str(network) for network in trunk.allowed_addresses],
        # The agent ends it with a word before; this is for a line at which no agent is.
        max_call_duration=Duration(seconds=60 * trunk.max_minutes + GRACE),
        ringing_timeout=Duration(seconds=trunk.ring),
        headers_to_attributes=(
            {"P-Asserted-Identity": ASSERTED, "Privacy": PRIVACY} if trunk.asserted else {}
        ),
    )


def _unknown(
    wanted: list[SIPInboundTrunkInfo], others: list[SIPInboundTrunkInfo]
) -> dict[str, SIPInboundTrunkInfo]:
    if not all(trunk.numbers for trunk in (*wanted, *others)):
        return {}  # one of them takes all numbers, and LiveKit has no second such trunk
    known = sorted({network for trunk in wanted for network in trunk.allowed_addresses})
    if not known:
        return {}
    refuses = SIPInboundTrunkInfo(
        name=UNKNOWN,
        metadata=MARK,
        allowed_addresses=known,
        # No secret: without a rule there is no room behind it.
        auth_username=UNKNOWN,
        auth_password=UNKNOWN,
    )
    return {UNKNOWN: refuses}


def _outbound(name: str, trunk: OutboundTrunk) -> SIPOutboundTrunkInfo:
    return SIPOutboundTrunkInfo(
        **_trunk_fields(name, trunk),
        address=trunk.address,
        transport=f"SIP_TRANSPORT_{trunk.transport.upper()}",
    )


def _rule(name: str, trunk: InboundTrunk, trunk_id: str) -> SIPDispatchRuleInfo:
    callee = SIPDispatchRuleCallee(
        room_prefix=trunk.rooms.prefix, pin=trunk.rooms.pin, randomize=trunk.rooms.per == "call"
    )
    return SIPDispatchRuleInfo(
        name=name,
        metadata=MARK,
        # Always with its trunk: a rule without one also takes the calls that no trunk has let in.
        trunk_ids=[trunk_id],
        rule=api.SIPDispatchRule(dispatch_rule_callee=callee),
        attributes={TRUNK: name, LONGEST: str(trunk.max_minutes)}
        | ({LANGUAGE_ATTRIBUTE: trunk.language} if trunk.language else {}),
    )
