"""The provider that is built in, for trying things out: it holds no real money. Some amounts make it misbehave.

It is another party all the same: its books are tables of its own, each call commits by itself, apart from whatever the
hub writes, and is carried out once for each key. docs/why/payments.md has the amounts.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from heard import limits
from heard.domain.payments import PaymentStep
from heard.payments.contract import Authorized, Charge, Declined, Done, Made, NoOutcome, Record, Refused


class Trouble(StrEnum):
    """What an amount brings about in one of the calls."""

    DECLINED = "declined"  # a refusal for good
    UNHEARD = "unheard"  # carried out, and the first answer is lost
    LOST = "lost"  # the first two are not carried out, and have no answer
    SILENT = "silent"  # never carried out, never an answer
    LATE = "late"  # carried out, and answered late


# Amounts in cents, and what goes wrong with them; every other goes well.
MAGIC: Final = {
    900_01: (PaymentStep.AUTHORIZE, Trouble.DECLINED),
    900_02: (PaymentStep.AUTHORIZE, Trouble.UNHEARD),
    900_03: (PaymentStep.AUTHORIZE, Trouble.LOST),
    900_04: (PaymentStep.AUTHORIZE, Trouble.SILENT),
    900_05: (PaymentStep.AUTHORIZE, Trouble.LATE),
    900_11: (PaymentStep.CAPTURE, Trouble.DECLINED),
    900_12: (PaymentStep.CAPTURE, Trouble.UNHEARD),
    900_13: (PaymentStep.CAPTURE, Trouble.LOST),
    900_22: (PaymentStep.VOID, Trouble.UNHEARD),
    900_23: (PaymentStep.VOID, Trouble.LOST),
    900_32: (PaymentStep.REFUND, Trouble.UNHEARD),
    900_33: (PaymentStep.REFUND, Trouble.LOST),
}
_LOST_TRIES: Final = 2
_DONE, _DECLINED = "done", "declined"

_TRY: Final = """
    INSERT INTO test_charge_calls (organization_id, key, charge_id, tries) VALUES ($1, $2, $3, 1)
    ON CONFLICT (organization_id, key) DO UPDATE SET tries = test_charge_calls.tries + 1
    RETURNING tries, outcome
"""
_KEEP: Final = "UPDATE test_charge_calls SET outcome = $3 WHERE organization_id = $1 AND key = $2"
# The books refuse by their own constraints what would make or lose money.
_BOOKED: Final = {
    PaymentStep.AUTHORIZE: (
        "INSERT INTO test_charges (organization_id, charge_id, amount, currency, held) VALUES ($1, $2, $3, $4, $3)"
    ),
    PaymentStep.CAPTURE: (
        "UPDATE test_charges SET held = held - $3, taken = taken + $3"
        " WHERE organization_id = $1 AND charge_id = $2 AND currency = $4"
    ),
    PaymentStep.VOID: (
        "UPDATE test_charges SET held = held - $3 WHERE organization_id = $1 AND charge_id = $2 AND currency = $4"
    ),
    PaymentStep.REFUND: (
        "UPDATE test_charges SET given_back = given_back + $3"
        " WHERE organization_id = $1 AND charge_id = $2 AND currency = $4"
    ),
}


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """The provider `test`. `connect` gives a connection to its books."""

    connect: Callable[[], AbstractAsyncContextManager[Any]]

    async def authorize(
        self, charge: Charge, key: str, record: Record, *, ended: bool
    ) -> Authorized | Declined | NoOutcome:
        """A decline is one by the amount; the reference is made from the payment's own id."""
        outcome = await self._ask(PaymentStep.AUTHORIZE, charge, key, record, ended=ended)
        if isinstance(outcome, Refused):
            return Declined(outcome.reason)
        return Authorized(_charge_id(charge)) if isinstance(outcome, Done) else outcome

    async def capture(self, charge: Charge, ref: str, key: str, record: Record) -> Done | Refused | NoOutcome:
        return await self._ask(PaymentStep.CAPTURE, charge, key, record)

    async def void(self, charge: Charge, ref: str, key: str, record: Record) -> Done | Refused | NoOutcome:
        return await self._ask(PaymentStep.VOID, charge, key, record)

    async def refund(self, charge: Charge, ref: str, key: str, record: Record) -> Done | Refused | NoOutcome:
        return await self._ask(PaymentStep.REFUND, charge, key, record)

    async def _ask(
        self, step: PaymentStep, charge: Charge, key: str, record: Record, *, ended: bool = False
    ) -> Done | Refused | NoOutcome:
        """One call, as if over a wire: what is heard of it is not always what was done."""
        begun = time.perf_counter()
        tries, outcome = await self._carry_out(step, charge, key, ended)
        trouble = _trouble(step, charge)
        if trouble is Trouble.LATE:
            await asyncio.sleep(limits.TEST_PROVIDER_LATE_S)
        unheard = outcome is None or (trouble is Trouble.UNHEARD and tries == 1)
        status = None if unheard else 200 if outcome == _DONE else 402
        ms, error = (time.perf_counter() - begun) * 1000, "no answer" if unheard else None
        record.made.append(Made("POST", f"/test/{step}", status, ms, error))
        if unheard:
            return NoOutcome("no answer: the amount is one that has none")
        return (
            Done()
            if outcome == _DONE
            else Refused("the order had ended" if ended else "the amount is one that is refused")
        )

    async def _carry_out(self, step: PaymentStep, charge: Charge, key: str, ended: bool) -> tuple[int, str | None]:
        """How often the key was asked, and what has come of it: once for all, in one commit."""
        charge_id, trouble = _charge_id(charge), _trouble(step, charge)
        async with self.connect() as connection, connection.transaction():
            row = await connection.fetchrow(_TRY, charge.organization_id, key, charge_id)
            tries, known = int(row["tries"]), row["outcome"]
            lost = trouble is Trouble.SILENT or (trouble is Trouble.LOST and tries <= _LOST_TRIES)
            if known is not None or lost:
                return tries, known
            outcome = _DECLINED if ended or trouble is Trouble.DECLINED else _DONE
            if outcome == _DONE:
                whose = charge.organization_id, charge_id
                await connection.execute(_BOOKED[step], *whose, charge.amount, charge.currency)
            await connection.execute(_KEEP, charge.organization_id, key, outcome)
        return tries, outcome


def _charge_id(charge: Charge) -> str:
    return charge.payment_id.replace("pay_", "test_", 1)


def _trouble(step: PaymentStep, charge: Charge) -> Trouble | None:
    at, trouble = MAGIC.get(charge.amount, (None, None))
    return trouble if at is step else None
