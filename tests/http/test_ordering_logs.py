"""What the log says of calls to the Ordering API: nothing of a guest, no secret, no hash, no payment method."""

from structlog.testing import CapturingLogger

from counter import DISCOUNT, INITIALIZE, ORDERS, TOTAL, a_counter
from ordering import GRANT, data_of
from parties import a_town

DECLINED = 900_01  # an amount that the test provider declines


async def test_no_line_of_the_log_tells_of_a_guest_or_of_a_secret(dsn: str, said: CapturingLogger) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        app, method = counter.app, "pm_OfThisGuest"
        wanted = {"singular_point_id": counter.point, "amount": TOTAL, "currency": "USD", "payment_method": method}
        begun = data_of(await app.ask("POST", INITIALIZE, wanted), 201)["payment"]["payment_init_hash"]
        declined = await counter.payment(DECLINED)
        guest = counter.order(begun)["customer_info"]
        bodies = [
            counter.order(begun, tip=1),
            counter.order(begun),
            counter.order(begun),
            counter.order(begun, notes="Knock at the blue door"),
            counter.order(declined, tip=DECLINED - TOTAL),
            counter.order(begun + "ff"),
            counter.order(begun, discounts=DISCOUNT),
            {**counter.order(begun), "customer_info": {**guest, "email": 5}},
            {**counter.order(begun), "customer_info": {**guest, "first_name": "x" * 10_000}},
            {**counter.order(begun), "payment_info": {"payment_init_hash": 5}},
        ]
        statuses = [(await counter.place(body)).status for body in bodies]
        assert statuses == [409, 201, 200, 409, 402, 404, 409, 422, 422, 422]
        await app.ask("GET", f"{ORDERS}/{'0' * 8}", token=counter.token[:-1] + "0")
        await app.ask_token({**GRANT, "scope": "everything"})
        lines = [str(call) for call in said.calls]
    assert len(lines) > len(bodies)
    secrets = [*guest.values(), "blue door", method, begun, declined, counter.token, counter.token[:-1]]
    for secret in [*secrets, app.made.client_secret, app.basic.removeprefix("Basic ")]:
        if len(secret) > 1:  # an initial is in many a word
            assert not [line for line in lines if secret in line], secret
