"""Pictures of every page of the console, in two sizes, light and dark, with the demo's parties at work.

PYTHONPATH=tests:tests/browser python tools/screenshots.py [folder]         (make screenshots)

Those that the README shows are kept in git (BEST); the others are for whoever changes a page.
"""

import asyncio
import base64
import re
import runpy
import struct
import sys
import tempfile
import time
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import structlog
from browsing import FLAGS, LARGE, SMALL
from playwright.async_api import Browser, Page, async_playwright
from walking import fixed, pages_of, walk

from heard.bootstrap import first_link
from heard.config import load
from heard.domain.order.content import Fulfillment, FulfillmentType
from heard.domain.pos import PosOrder
from heard.sandbox.demo import Demo, every_road, is_called_off, open_demo
from heard.sandbox.pos import Mood

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "screenshots"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# What the README shows, as it is called there: the page, how it is shown, and how large.
BEST: dict[str, tuple[str, Literal["light", "dark"], tuple[int, int]]] = {
    "board": ("/console", "light", (1240, 600)),
    "order": ("/console/orders/{order_id}", "light", (1120, 640)),
    "failures": ("/console/failures", "dark", (1120, 560)),
    "menus": ("/console/menus/{venue_id}/compare", "light", (1120, 600)),
}
BEST_SCALE = 2
EVERY_S = 0.4
SILENT_EVERY = 6  # orders
BUSY_WITHIN_S = 90.0
BUSY = """() => {
    const count = (name) => document.querySelectorAll(`[data-column="${name}"] .card`).length;
    const busy = ["attention", "accepted", "in_prep", "ready"].every((name) => count(name) > 0)
        && document.querySelectorAll(".card").length > 12;
    if (busy) window.dispatchEvent(new Event("pagehide"));  // it listens no more: all pictures are of this moment
    return busy;
}"""
# The colours that a picture has most of, and which of them each of its points is nearest to.
PALETTE = """async (png) => {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const bytes = canvas.getImageData(0, 0, image.width, image.height).data;
    const points = Array.from({ length: bytes.length / 4 }, (_, at) =>
        (bytes[4 * at] << 16) | (bytes[4 * at + 1] << 8) | bytes[4 * at + 2]);
    const times = new Map();
    for (const point of points) times.set(point, (times.get(point) || 0) + 1);
    const palette = [...times].sort((one, other) => other[1] - one[1]).slice(0, 40).map(([colour]) => colour);
    const parts = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];
    const far = (one, other) => parts(one).reduce((sum, part, at) => sum + (part - parts(other)[at]) ** 2, 0);
    const nearest = new Map(palette.map((colour, at) => [colour, at]));
    for (const colour of times.keys()) if (!nearest.has(colour)) {
        const ways = palette.map((one) => far(one, colour));
        nearest.set(colour, ways.indexOf(Math.min(...ways)));
    }
    const indexes = points.map((point) => String.fromCharCode(nearest.get(point))).join("");
    return { width: image.width, palette, indexes: btoa(indexes) };
}"""
PASSWORD = "three blind mice"  # noqa: S105 - of a demo that is gone in a minute


async def picture(folder: Path) -> int:
    """Make them all; how many there are."""
    program = runpy.run_path(str(ROOT / "tools" / "chromium.py"))["find"]()
    if program is None:
        sys.exit("There is no Chromium: see tools/chromium.py.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="heard-screenshots-") as data:
        async with open_demo(load({}), Path(data), _often_silent) as demo, async_playwright() as playwright:
            placing = asyncio.create_task(demo.place(EVERY_S))
            browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
            try:
                page = await _come_in(demo, browser)
                return await _picture_all(demo, page, folder) + await _picture_best(demo, page, browser, folder)
            finally:
                placing.cancel()
                await asyncio.gather(placing, return_exceptions=True)
                await browser.close()


async def _come_in(demo: Demo, browser: Browser) -> Page:
    """As the first person there is, at the board."""
    await _make_busy(demo)
    page = await (await browser.new_context(locale="en-GB")).new_page()
    link = await first_link(demo.house, demo.hub_url)
    assert link is not None  # the demo has just begun
    await page.goto(link)
    for name, value in (("login", "ana"), ("password", PASSWORD), ("again", PASSWORD)):
        await page.fill(f"[name={name}]", value)
    await page.click("button.main")
    return page


def _often_silent(order: PosOrder) -> Mood:
    """So that some order always waits to be found out about."""
    if any(is_called_off(one.reference or "") for one in order.payments):
        return Mood.WELL
    return Mood.SILENT if zlib.crc32(order.online_order_id.encode()) % SILENT_EVERY == 0 else every_road(order)


async def _make_busy(demo: Demo) -> None:
    """Orders for later stay on the board."""
    for minutes in (40, 75):
        later = Fulfillment(FulfillmentType.PICKUP, datetime.now(UTC) + timedelta(minutes=minutes))
        await demo.marketplace.send(replace(demo.next_order(), fulfillment=later))


async def _until_busy(page: Page) -> None:
    """Wait for orders in all columns; a board that does not get as busy is pictured as it is."""
    until = time.monotonic() + BUSY_WITHIN_S
    while not await page.evaluate(BUSY) and time.monotonic() < until:
        await page.wait_for_timeout(200)


async def _picture_all(demo: Demo, page: Page, folder: Path) -> int:
    pages, made = pages_of(demo.house.hub, demo.house.outbound), 0
    async for path, _ in walk(page, demo.hub_url, pages, fixed(pages)):
        name = re.sub(r"[^a-z0-9]+", "-", path.removeprefix("/console")).strip("-") or "board"
        if path == "/console":
            await _until_busy(page)
        for size in (SMALL, LARGE):
            for scheme in SCHEMES:
                await _shoot(page, folder / f"{name}-{size[0]}x{size[1]}-{scheme}.png", size, scheme)
                made += 1
    return made


async def _picture_best(demo: Demo, page: Page, browser: Browser, folder: Path) -> int:
    """Those of the README, as sharp as a good screen is. The order is one that needs somebody."""
    [row] = demo.marketplace.ledger.rows("SELECT order_id FROM called_off ORDER BY order_id LIMIT 1")
    names = {"order_id": row["order_id"], "venue_id": demo.parties.venue_id}
    signed_in = await page.context.storage_state()
    context = await browser.new_context(locale="en-GB", storage_state=signed_in, device_scale_factor=BEST_SCALE)
    sharp = await context.new_page()
    for best, (path, scheme, size) in BEST.items():
        await sharp.goto(demo.hub_url + path.format(**names), wait_until="load")
        if path == "/console":
            await _until_busy(sharp)
        file = folder / f"readme-{best}.png"
        await _shoot(sharp, file, size, scheme)
        await _make_small(sharp, file)
    await context.close()
    return len(BEST)


async def _shoot(page: Page, file: Path, size: tuple[int, int], scheme: Literal["light", "dark"]) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.wait_for_timeout(150)
    await page.screenshot(path=file)


async def _make_small(page: Page, file: Path) -> None:
    """The picture with the 40 colours that are most of it: a third of the bytes, and nobody sees a difference."""
    apart = await page.context.new_page()
    try:
        found = await apart.evaluate(PALETTE, base64.b64encode(file.read_bytes()).decode())
    finally:
        await apart.close()
    width, indexes = found["width"], base64.b64decode(found["indexes"])
    rows = b"".join(b"\0" + indexes[at : at + width] for at in range(0, len(indexes), width))
    colours = b"".join(colour.to_bytes(3, "big") for colour in found["palette"])
    head = struct.pack(">IIBBBBB", width, len(indexes) // width, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    count = asyncio.run(picture(where))
    sys.stdout.write(f"{count} pictures in {where}\n")
