"""What was called and what it may still cost: a ledger that outlives jobs, servers and restarts.

Whoever gets an agent to call premium numbers earns from every minute. The settings say where it may
call, and the ledger bounds what a mistake in them can cost: an attempt to call is entered before
anything is dialled, with all the minutes that it may take, which LiveKit's SIP service enforces.
What it has not taken is given back when it ends. So what the ledger has granted is never more than
the limits, though every job that it granted something to may die.
"""

from __future__ import annotations

from .attempt import DAY, Attempt, LedgerError, Order
from .ledger import Ledger, assure, open_ledger

__all__ = ["DAY", "Attempt", "Ledger", "LedgerError", "Order", "assure", "open_ledger"]
