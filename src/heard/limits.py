"""Every bound of the house, with its reason. What an operator may change is in config.py instead."""

from typing import Final

# --- what a stranger may send -----------------------------------------------------------------------------
BODY_BYTES_MAX: Final = 512 * 1024  # a 200-line order is 60 kB
CALLBACK_BYTES_MAX: Final = 512 * 1024  # a POS echoes the whole order
HEAD_BYTES_MAX: Final = 64 * 1024  # a token of 8 kB, a signature, what proxies add; other servers take 8 to 64 kB
HEAD_WITHIN_S: Final = 20.0  # a phone in a tunnel; whoever is slower holds connections
BODY_WITHIN_S: Final = 30.0  # the largest body over a line of 140 kbit/s
LINGER_S: Final = 2.0  # a refused body's rest is let in for so long, so that the refusal is read
SMALL_BODY_BYTES_MAX: Final = 16 * 1024  # a code or a number, and REASON_MAX of text, every character escaped
TOKEN_FORM_BYTES_MAX: Final = 8 * 1024  # a client id, a secret, a scope
JSON_DEPTH_MAX: Final = 32  # an order nests modifiers; nobody nests them ten deep
ORDER_LINES_MAX: Final = 500  # a catering order of a stadium
NUMBER_DIGITS_MAX: Final = 18  # fits 64 bits; no amount, count or time needs more
NUMBER_EXPONENT_MAX: Final = 18  # as many
NUMBER_TEXT_MAX: Final = 64  # a number with a fraction, as written: some languages print 28 decimals
MODIFIER_DEPTH_MAX: Final = 8  # item -> side -> dip -> ...; deeper is an attack
SCHEDULE_AHEAD_DAYS_MAX: Final = 60  # catering is ordered weeks ahead
PAID_AHEAD_DAYS_MAX: Final = 6  # a card's money is held for seven days, and taken when the store confirms
MODIFIERS_PER_LINE_MAX: Final = 200  # every topping there is, on every half
TAXES_PER_LINE_MAX: Final = 10  # state, county, city, district, and a few on sugar
QUANTITY_MAX: Final = 10_000  # a stadium again
CART_QUANTITY_MAX: Final = 9_999  # of one line of a guest's cart: five digits are a slip of a thumb
PREP_TIME_MIN_MAX: Final = 24 * 60  # nobody in a kitchen promises further ahead than a day
TEXT_MAX: Final = 2_000  # notes, names
ID_MAX: Final = 128  # any id that another party chose
WORD_MAX: Final = 64  # a status, a currency, a time: one of few, or of one form
YEAR_MIN: Final = 2000  # of a time on the wire; earlier is a slip, and year 1 cannot be counted back from
YEAR_MAX: Final = 2100  # as much of a slip, and year 9999 cannot be counted on from
FIELD_ERRORS_MAX: Final = 100  # wrong places told of one body; nobody mends more at once
PAYMENTS_MAX: Final = 50  # a table splits its bill; no more guests than that
TTL_S_MAX: Final = 400 * 24 * 3600  # catering is booked a year ahead
JWT_CHARS_MAX: Final = 8 * 1024  # five short claims are 300

# --- what a POS may answer --------------------------------------------------------------------------------
POS_ANSWER_BYTES_MAX: Final = 2 * 1024 * 1024  # an echo of the largest order, and room
MENU_BYTES_MAX: Final = 64 * 1024 * 1024  # 50,000 items with pictures' addresses are about 20 MB
MENU_PRODUCTS_MAX: Final = 100_000  # twice the largest menu we know of
PRICE_RULES_MAX: Final = 100  # of one product or modifier: a dozen sizes in each way of ordering
TAXES_MAX: Final = 20  # of one tax category: a state's, a county's, a city's, a district's, and room
POS_ERRORS_MAX: Final = 500  # one for every line
REASON_MAX: Final = 500  # of a POS's words kept in an order's history

# --- calls we make ----------------------------------------------------------------------------------------
POS_CALL_TIMEOUT_S: Final = 10.0  # wire.md: 202 is there for whoever needs longer
WEBHOOK_ANSWER_BYTES_MAX: Final = 64 * 1024  # nobody reads it; a 2xx is all that counts
MENU_CALL_TIMEOUT_S: Final = 60.0  # a large menu is put together while we wait
RETRY_AFTER_S_MAX: Final = 60.0  # of what another party asks us to wait
WEBHOOK_TIMEOUT_S: Final = 10.0  # wire.md: any 2xx within 10 s acknowledges
CONNECT_TIMEOUT_S: Final = 5.0  # who does not even connect is not there
OUTBOUND_HOSTS_MAX: Final = 1_000  # pinned clients kept; the least used goes first
OUTBOUND_IDLE_S: Final = 20.0  # under the 30 s and more after which servers close idle connections
OUTBOUND_PIN_S: Final = 60.0  # how long a checked address stays good

# --- durable work -----------------------------------------------------------------------------------------
CLAIM_SCAN_MAX: Final = 1_000  # due rows looked at to share a claim fairly, where the first few do not do
CLAIM_BATCH_MAX: Final = 100  # one at a time costs some 25 times as much
CLAIM_ORDERS_MAX: Final = 12  # begun together, they are answered together: events would wait until all of them are read
CLAIM_EVERY_S: Final = 0.005  # between two claims of a lane for each that was found; one that was idle claims at once
CLAIM_REST_MAX_S: Final = 0.02  # a claim takes some milliseconds of two processes; an event may take 250 to its channel
LAG_S: Final = 0.015  # a worker that is so far behind with what it has begun begins no more orders
LAG_PATIENCE_S: Final = 0.1  # ... for so long at most
CLAIM_BEHIND_MAX: Final = 5  # ... and then so few
LULL_S: Final = 0.02  # a lane that nobody wakes for so long asks when the next thing is due
IN_FLIGHT_MAX: Final = 256  # per worker process
IN_FLIGHT_PER_STORE_MAX: Final = 32  # one noisy store must not starve the others
IN_FLIGHT_DELIVERIES_MAX: Final = 512  # per worker process; each is a socket, and many systems give a process 1,024
IN_FLIGHT_PER_ENDPOINT_MAX: Final = 128  # and at most half of the room that is left: many that hang leave some
IN_FLIGHT_PER_FAILING_ENDPOINT_MAX: Final = 2  # a hundred that hang leave room for those that do not
BATCH_MAX: Final = 64  # changes of one transaction: more gain little, and what one of them locks waits for all
BATCH_REST_S: Final = 0.010  # of a writer whose batch had company: in a rush there will be more in a moment
BATCH_WRITERS: Final = 2  # while one waits for the disk, the other fills the next; more share the flushes worse
SHUTDOWN_S: Final = 5.0  # for calls under way when a worker is told to stop
GIVE_BACK_WITHIN_S: Final = 2.0  # ... and for giving back what did not end; init systems wait some ten seconds in all
TRACES_FLUSH_S: Final = 1.0  # for spans that are left when a process ends; a collector that is slow loses them
GC_THRESHOLD: Final = 50_000  # new containers before the collector looks: a hundred orders or so
IDLE_S_MIN: Final = 0.01  # an idle loop never spins
RECOVER_S: Final = 1.0  # between tries to reach the database again
MENU_RETRY_FIRST_S: Final = 60.0  # a POS that restarts is back within a minute or two
MENU_FETCHES_MAX: Final = 8  # menus fetched at once by a worker: a large one takes memory
STALLS_MAX: Final = 10  # claims in a row that ended in no step: then the row is parked
CLOCK_OFF_S: Final = 1.0  # of a worker that goes by its own clock since it last looked: further off, it looks again
BACKOFF_BASE_S: Final = 1.0  # the first retry comes within a second
BACKOFF_CAP_S: Final = 30.0  # some twenty tries fit into an order's deadline
POLL_FIRST_S: Final = 1.0  # wire.md 1.5: 1 s growing to 15 s
POLL_CAP_S: Final = 15.0  # wire.md 1.5
FOLLOW_FIRST_S: Final = 30.0  # reading a confirmed order's kitchen state, should callbacks be lost
FOLLOW_CAP_S: Final = 300.0  # a lost callback costs five minutes at most
FOLLOW_FOR_S: Final = 6 * 3600.0  # after that only a callback moves the order on
STORE_EVENT_LADDER_S: Final = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0)  # wire.md 2; then it is dead
STORE_EVENT_FOR_S: Final = 36 * 3600.0  # the ladder, its jitter, and room
ORDER_EVENT_RESEND_FOR_S: Final = 660.0  # an order's event sent again by hand: as long as it had in the usual store
WEBHOOK_RETRY_AFTER_S_MAX: Final = 6 * 3600.0  # a receiver's maintenance; the ladder's longest step is longer
WEBHOOK_LAST_TRY_S: Final = 5.0  # before an order event's time is over, whatever the receiver asked for
ENDPOINT_FAILING_FOR_S: Final = 5 * 24 * 3600.0  # a long weekend that nobody noticed, and two days to mend it
ENDPOINT_FAILURES_MIN: Final = 20  # attempts in a row: a quiet endpoint's few say little
ENDPOINTS_PER_MARKETPLACE_MAX: Final = 10  # each event goes to each of them
ENDPOINTS_MAX: Final = 10_000  # of a replay to everybody: a thousand marketplaces
ENDPOINT_URL_MAX: Final = 2_000  # what servers and proxies take
OLD_SECRET_HOURS_MAX: Final = 30 * 24  # a rotation that takes a month is none
BURY_BATCH_MAX: Final = 2_000  # deliveries in one transaction; the feed waits for the oldest one that runs
RESEND_BATCH_MAX: Final = 2_000  # as much; the first of them go out while the next are written
POS_PRICES_AT_ONCE_MAX: Final = 8  # questions for prices under way to one store's POS, in one process: anybody may ask
POS_PRICE_POLL_FIRST_S: Final = 0.25  # a POS that needs longer for prices is asked again; a guest waits meanwhile
PAYMENT_ANSWER_WITHIN_S: Final = 8.0  # a guest waits so long for the word of a payment provider; then they look again
PAYMENT_LOOK_FIRST_S: Final = 0.02  # between two looks whether a payment is decided: the quickest take 20 ms
PAYMENT_LOOK_CAP_S: Final = 0.25  # ... and a slow provider is not looked for more often
SETTLE_FOR_S: Final = 24 * 3600.0  # how long a ticket of unknown outcome is asked about, then it is parked
SETTLE_CALLS_MIN: Final = 5  # ... but never before so many calls in a row: some ten seconds, a POS that restarts
PAYMENT_CALL_TIMEOUT_S: Final = 15.0  # a bank on the other side may take some seconds; an order's deadline is minutes
PAYMENT_ANSWER_BYTES_MAX: Final = 256 * 1024  # a payment with all that hangs on it is some 5 kB
TEST_PROVIDER_LATE_S: Final = 2.0  # long enough to be seen waiting, short enough to wait for
PAYMENTS_SWEPT: Final = 20  # unused ones forgotten with each that begins: more go than come
PAYMENT_GOOD_FOR_S: Final = 1_800.0  # from the wish to pay to the order: a guest who looks for a card
PRICE_CHANGED_MENUS_MAX: Final = 2  # menus before, held against a payment that is not what the cart costs
PAYMENT_RETRY_CAP_S: Final = 600.0  # between two calls to a provider that is away: money is given back for ever
PAYMENT_FAILURES_MIN: Final = 8  # calls in a row without an answer, some minutes: then a person is told
PAYMENT_PARKED_S: Final = 3600.0  # where we fail ourselves: an order is parked, its money is tried on once an hour
WITHDRAW_FOR_S: Final = 600.0  # so long a POS is asked to take a ticket back; then a person must do it

# --- a POS that is gone -----------------------------------------------------------------------------------
BREAKER_FAILURES: Final = 5  # failed calls in a row, of two orders at least; fewer may be a till that restarts
BREAKER_ROW_S: Final = 2.0  # that such a row lasts at least: in a rush, five calls fail within a moment
BREAKER_FORGET_S: Final = 900.0  # a failure before that belongs to another story: an order's own deadline is shorter
PROBE_FIRST_S: Final = 5.0  # a POS that only restarted is back by then
PROBE_CAP_S: Final = 60.0  # so long a store that could sell again may stay paused
PROBE_HOLD_S: Final = 15.0  # longer than a probe's call: an order that waits is let go by its outcome, seldom by time
PROBE_LEASE_S: Final = 30.0  # longer than a probe's call; then another worker may probe
POS_SEEN_S: Final = 60.0  # how exactly it is known when a healthy POS answered last; each call would be a write more
SINGULAR_POINTS_MAX: Final = 500  # of one store: a table each in a stadium's restaurant
SERVING_TIMES_MAX: Final = 50  # of one store: each day in several pieces
PAUSE_MINUTES_MAX: Final = 10_080  # a week; a store that is closed for longer is paused without an end
PAUSES_PER_STORE_MAX: Final = 100  # the hub, the staff, and far more marketplaces than one store has
PAUSE_LEASE_S: Final = 30.0  # lifting a pause is one short transaction; then another worker may
PAUSE_RETRY_S: Final = 60.0  # what a marketplace is told to wait when a pause has no end of its own

# --- the POS kit ------------------------------------------------------------------------------------------
STORE_BATCH_MAX: Final = 200  # requests that share one flush of the disk, and hold the loop up for 3 ms
STORE_BUSY_MS: Final = 5_000  # for another process's write to end
STORE_TIMEOUT_S: Final = 5.0  # for one statement; half a lease, so that whoever waits has not lost its own meanwhile
KIT_LEASE_S: Final = 10.0  # how long a request waits for a kit process that died
KIT_LOOK_S: Final = 1.0  # between looks for abandoned requests and due callbacks
TAKE_OVER_MAX: Final = 50  # abandoned requests taken over at a time
WAITING_MAX: Final = 500  # requests of one location waiting for its adapter; more are told 503
ADAPTER_THREADS_MAX: Final = 64  # plain (not async) methods under way in one process
SETTLE_TRIES_MAX: Final = 60  # times an adapter is asked what became of a `place` that raised: about half an hour
REPORT_TRIES_MAX: Final = 100  # times that news is put together anew because other news of the ticket came between
CALLBACKS_AT_ONCE_MAX: Final = 32  # callbacks under way in one process
CALLBACK_FOR_S: Final = 24 * 3600.0  # a hub that hears nothing for a day has asked by itself
CALLBACK_CAP_S: Final = 300.0  # between two tries of a callback
REQUESTS_KEPT_S: Final = 30 * 24 * 3600.0  # no hub repeats a request after a month
FORGET_BATCH_MAX: Final = 1_000  # old requests deleted at a time
LOCATION_CACHE_S: Final = 2.0  # so long a changed mapping may be unseen
LOCATION_CACHE_MAX: Final = 50_000  # as many locations as a large brand has, many times
MENU_GZIP_BYTES_MIN: Final = 1_400  # what fits into one packet gains nothing

# --- what marketplaces import -----------------------------------------------------------------------------
CLIENT_TIMEOUT_S: Final = 30.0  # for one method, with all its tries: a guest waits at a till no longer
CLIENT_TRY_S: Final = 10.0  # for one of its tries: a hub answers within a tenth of a second
CLIENT_SLOW_TRY_S: Final = 20.0  # ... where it asks a POS and a payment provider meanwhile: 10 s and 8 s
COMMAND_CALL_S: Final = 600.0  # for one call of a command: an endpoint with a million events in its queue is removed
CLIENT_BACKOFF_BASE_S: Final = 0.2  # the first retry: a connection that was just closed
CLIENT_BACKOFF_CAP_S: Final = 5.0  # several tries fit into the time of one method
CLIENT_ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024  # a page of a thousand events, or of stores, and room
CLIENT_TOKEN_EARLY_S: Final = 60.0  # a token is renewed so long before its end: no call is under way as long
FEED_BACKOFF_CAP_S: Final = 30.0  # between tries while the hub is gone
FEED_EVERY_S: Final = 2.0  # between reads when nothing is new
FEED_PAGE_MAX: Final = 1_000  # events in a page of the feed
FEED_BUSY: Final = 100  # events in a page after which the next is read at once
STORES_PAGE: Final = 100  # stores in a page of theirs
SEEN_MAX: Final = 100_000  # events that a receiver without a file remembers: a day of a busy marketplace
SEEN_FOR_S: Final = 30 * 24 * 3600.0  # that one with a file remembers them: no event is sent again after a month
SEEN_FORGET_EVERY: Final = 1_000  # events between two looks for what may be forgotten

# --- tokens and caches ------------------------------------------------------------------------------------
TOKEN_TTL_S: Final = 3_600  # an hour, as most who give out tokens do
ORDERING_TOKEN_TTL_S: Final = 86_399  # of the Ordering API, as documented: a day but a second
TOKEN_CACHE_S: Final = 60.0  # so long a POS kit need not verify a hub's token again
TOKEN_CACHE_MAX: Final = 10_000  # far more marketplaces than a process serves
PASS_CACHE_S: Final = 5.0  # of tokens and keys that the hub gave out: the second net, should a revocation go unheard
PASS_PING_S: Final = 2.0  # between two looks whether revocations are still heard, and how long a look may take
KEY_DAYS_MAX: Final = 3_650  # ten years; a key without an end can be revoked
ADMIN_BYTES_MAX: Final = 64 * 1024  # no call of the admin API says much
MENU_PRICES_CACHE_MAX: Final = 20_000  # prices as written, with their cents: a menu has some hundreds
MENU_PRODUCTS_REMEMBERED_MAX: Final = 60_000  # products of the menus read last: two of the largest there are
MENU_PRODUCTS_REMEMBERED_HERE_MAX: Final = 3_000  # ... in a hub's own process, whose collector goes through them all
MENU_APART_BYTES_MIN: Final = 512 * 1024  # judging less holds the interpreter for some 30 ms, a few at a time
MENU_APART_PACKED_BYTES_MIN: Final = 64 * 1024  # as much, packed
MENU_PIPE_BYTES: Final = 1024 * 1024  # what Linux lets any user have; the usual 64 kB cost a switch each
MENU_JUDGE_IDLE_S: Final = 1_800.0  # two of the usual intervals between fetches; then its memory is given back
MENU_CACHE_MAX: Final = 200  # parsed menus kept in one process
WRITTEN_MENU_CACHE_MAX: Final = 100  # menus for channels kept in one process, packed: a long one is a megabyte
WRITTEN_MENU_HERE_BYTES_MAX: Final = 16 * 1024  # packed; unpacking more is left to a thread
PRICE_BOOK_CACHE_MAX: Final = 100  # kept in one process; each is some twice a parsed menu, with its names
TAX_RATES_CACHE_MAX: Final = 1_000  # as they are written: a country has some hundreds
MENU_CACHE_S: Final = 3_600.0  # a version never changes; this only lets go of those no longer ordered from
CONTENT_CACHE_MAX: Final = 1_000  # orders just taken, as read: some seconds of a rush
CONTENT_CACHE_S: Final = 60.0  # whoever is at an order after that reads it again
STORE_CACHE_MAX: Final = 50_000  # a large brand's stores, many times
STORE_CACHE_S: Final = 2.0  # so long a changed store setting may be unseen
SHARED_ID_LENGTH_MIN: Final = 10  # posnext's documentation
JWT_LIFETIME_S: Final = 300  # wire.md 1.1
JWT_LEEWAY_S: Final = 60  # wire.md 1.1
FEED_PAGE: Final = 100  # events in a page of the feed, unless asked otherwise
HISTORY_MAX: Final = 5_000  # lines and calls of one order shown
PAGE_USUAL: Final = 100  # rows in a page of a listing where nobody says how many
PAGE_MAX: Final = 500  # rows in one page of any listing

# --- the debugger of signatures ---------------------------------------------------------------------------
CAPTURE_HEAD_BYTES_MAX: Final = 64 * 1024  # start line and headers; servers give up far earlier
DIAGNOSES_MAX: Final = 50_000  # wrong ways to sign that are tried; any two known mistakes are about 20,000
DIAGNOSE_HASHED_BYTES_MAX: Final = 1024**3  # a few seconds, should the body be a large one
DIAGNOSES_SHOWN_MAX: Final = 5  # several may explain one signature; nobody reads more
